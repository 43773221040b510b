import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.KeySourceException;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.net.MalformedURLException;
import java.net.URI;
import java.text.ParseException;
import java.util.Set;

public class Verify {
  /**
   * `process(token, null)` gives the claims. KeySourceException: no keys, answer 503. BadJOSEException, ParseException or
   * another JOSEException: answer 401 invalid_token.
   */
  static DefaultJWTProcessor<SecurityContext> processor(String issuer, String audience) throws MalformedURLException {
    var keys = JWKSourceBuilder.create(URI.create(issuer + "/.well-known/jwks.json").toURL())
        .cache(600_000, 15_000)
        .outageTolerant(24 * 3_600_000)
        .build();
    var processor = new DefaultJWTProcessor<SecurityContext>();
    processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.ES256, keys));
    var exact = new JWTClaimsSet.Builder().issuer(issuer).build();
    var claims = new DefaultJWTClaimsVerifier<SecurityContext>(audience, exact, Set.of("sub", "client_id", "iat", "exp", "jti"));
    claims.setMaxClockSkew(10);
    processor.setJWTClaimsSetVerifier(claims);
    return processor;
  }

  public static void main(String[] args) throws MalformedURLException {
    try {
      var claims = processor(args[0], "https://api.example.com").process(args[1], null);
      System.out.println(claims.getSubject() + " " + Set.of(claims.getStringClaim("scope").split(" ")).contains("read"));
    } catch (KeySourceException error) {
      System.out.println("503");
    } catch (BadJOSEException | ParseException | JOSEException error) {
      System.out.println("401 " + error.getMessage());
    }
  }
}
