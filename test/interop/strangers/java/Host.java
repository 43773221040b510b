import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jwk.HttpsJwks;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.keys.resolvers.HttpsJwksVerificationKeyResolver;

/** Verifiers from Maven Central behind one pipe: a line with a token goes in, a line with the verdict comes out. See ../README.md. */
public class Host {
  interface Verify {
    void verify(String token, String audience, String alg) throws Exception;
  }

  static Verify nimbus(String issuer, String jwksUri) throws Exception {
    JWKSource<SecurityContext> keys = JWKSourceBuilder.create(URI.create(jwksUri).toURL()).build();
    return (token, audience, alg) -> {
      var processor = new DefaultJWTProcessor<SecurityContext>();
      processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
      processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.parse(alg), keys));
      var wanted = new JWTClaimsSet.Builder().issuer(issuer).build();
      processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(audience, wanted, Set.of("sub", "exp")));
      processor.process(token, null);
    };
  }

  static Verify jose4j(String issuer, String jwksUri) {
    var keys = new HttpsJwksVerificationKeyResolver(new HttpsJwks(jwksUri));
    return (token, audience, alg) -> {
      var consumer =
          new JwtConsumerBuilder()
              .setVerificationKeyResolver(keys)
              .setExpectedIssuer(issuer)
              .setExpectedAudience(audience)
              .setRequireExpirationTime()
              .setExpectedType(true, "at+jwt")
              .setJwsAlgorithmConstraints(ConstraintType.PERMIT, alg)
              .build();
      try {
        consumer.processToClaims(token);
      } catch (InvalidJwtException error) {
        // Its message repeats the claims; the details don't.
        throw new Exception(error.getErrorDetails().get(0).getErrorMessage());
      }
    };
  }

  /** From the name of the jar, which has it. */
  static String versionOf(Class<?> type) {
    var jar = type.getProtectionDomain().getCodeSource().getLocation().getPath();
    return jar.replaceAll(".*-([0-9][^/-]*)\\.jar$", "$1");
  }

  static void say(Map<String, Object> value) {
    System.out.println(JSONObjectUtils.toJSONString(value));
    System.out.flush();
  }

  public static void main(String[] arguments) throws Exception {
    var lines = new BufferedReader(new InputStreamReader(System.in));
    var setting = JSONObjectUtils.parse(lines.readLine());
    var issuer = (String) setting.get("issuer");
    var jwksUri = (String) setting.get("jwksUri");
    var running = Map.of("nimbus-jose-jwt", nimbus(issuer, jwksUri), "jose4j", jose4j(issuer, jwksUri));
    var versions = new LinkedHashMap<String, Object>();
    versions.put("nimbus-jose-jwt", Map.of("version", versionOf(DefaultJWTProcessor.class)));
    versions.put("jose4j", Map.of("version", versionOf(JwtConsumerBuilder.class)));
    say(Map.of("verifiers", versions));
    for (String line; (line = lines.readLine()) != null; ) {
      var presented = JSONObjectUtils.parse(line);
      try {
        var verify = running.get((String) presented.get("verifier"));
        verify.verify((String) presented.get("token"), (String) presented.get("audience"), (String) presented.get("alg"));
        say(Map.of("ok", true));
      } catch (Exception error) {
        say(Map.of("ok", false, "why", String.valueOf(error.getMessage())));
      }
    }
  }
}
