"""Verifiers from PyPI behind one pipe: a line with a token goes in, a line with the verdict comes out. See ../README.md."""

import json
import sys
import time
import urllib.request
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")


class JwkSetByHand:
    """For libraries without a JWK Set client: fetched once, and again where a kid is not in it, every 10 s at most."""

    def __init__(self, uri):
        self.uri = uri
        self.fetched_at = None
        self.document = {"keys": []}

    def for_token(self, token):
        kid = json.loads(decode_part(token.split(".")[0])).get("kid")
        is_known = any(key["kid"] == kid for key in self.document["keys"])
        if not is_known and (self.fetched_at is None or time.monotonic() - self.fetched_at > 10):
            with urllib.request.urlopen(self.uri, timeout=5) as response:
                self.document = json.load(response)
            self.fetched_at = time.monotonic()
        return self.document


def decode_part(text):
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def pyjwt(setting):
    import jwt

    client = jwt.PyJWKClient(setting["jwksUri"])

    def verify(token, audience, alg):
        key = client.get_signing_key_from_jwt(token)
        jwt.decode(token, key, algorithms=[alg], audience=audience, issuer=setting["issuer"])

    return version("PyJWT"), verify


def authlib_rfc9068(setting):
    from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
    from joserfc.jwk import KeySet

    jwks = JwkSetByHand(setting["jwksUri"])

    class Validator(JWTBearerTokenValidator):
        keys = None

        def get_jwks(self):
            return self.keys

    def verify(token, audience, alg):
        validator = Validator(issuer=setting["issuer"], resource_server=audience)
        validator.keys = KeySet.import_key_set(jwks.for_token(token))
        try:
            claims = validator.authenticate_token(token)
            validator.validate_token(claims, ["read"], None)
        except Exception as error:
            # What it raises says "invalid_token"; why is in the cause.
            raise error.__cause__ or error

    return version("Authlib"), verify


def authlib_jose(setting):
    # It switches its own warnings on when this is loaded.
    import authlib.deprecate  # noqa: F401

    warnings.simplefilter("ignore")
    from authlib.jose import JsonWebKey, JsonWebToken

    jwks = JwkSetByHand(setting["jwksUri"])

    def verify(token, audience, alg):
        keys = JsonWebKey.import_key_set(jwks.for_token(token))
        wanted = {"iss": {"essential": True, "value": setting["issuer"]}, "aud": {"essential": True, "value": audience}}
        JsonWebToken([alg]).decode(token, keys, claims_options={**wanted, "exp": {"essential": True}}).validate()

    return version("Authlib"), verify


def joserfc(setting):
    from joserfc import jwt
    from joserfc.jwk import KeySet

    jwks = JwkSetByHand(setting["jwksUri"])

    def verify(token, audience, alg):
        keys = KeySet.import_key_set(jwks.for_token(token))
        decoded = jwt.decode(token, keys, algorithms=[alg])
        wanted = {"iss": {"essential": True, "value": setting["issuer"]}, "aud": {"essential": True, "value": audience}}
        jwt.JWTClaimsRegistry(**wanted, exp={"essential": True}).validate(decoded.claims)

    return version("joserfc"), verify


def python_jose(setting):
    from jose import jwt

    jwks = JwkSetByHand(setting["jwksUri"])

    def verify(token, audience, alg):
        # Given the whole set it tries key after key, and stops at the first of another type.
        kid = jwt.get_unverified_header(token)["kid"]
        keys = [key for key in jwks.for_token(token)["keys"] if key["kid"] == kid]
        jwt.decode(token, {"keys": keys}, algorithms=[alg], audience=audience, issuer=setting["issuer"])

    return version("python-jose"), verify


def jwcrypto(setting):
    from jwcrypto import jwk, jwt

    jwks = JwkSetByHand(setting["jwksUri"])

    def verify(token, audience, alg):
        keys = jwk.JWKSet.from_json(json.dumps(jwks.for_token(token)))
        jwt.JWT(jwt=token, key=keys, algs=[alg], check_claims={"iss": setting["issuer"], "aud": audience, "exp": None})

    return version("jwcrypto"), verify


VERIFIERS = {
    "PyJWT (PyJWKClient)": pyjwt,
    "Authlib (RFC 9068 validator)": authlib_rfc9068,
    "Authlib (authlib.jose)": authlib_jose,
    "joserfc": joserfc,
    "python-jose": python_jose,
    "jwcrypto": jwcrypto,
}


def say(value):
    print(json.dumps(value), flush=True)


def main():
    setting = json.loads(sys.stdin.readline())
    running, report = {}, {}
    for name, open_verifier in VERIFIERS.items():
        try:
            installed, running[name] = open_verifier(setting)
            report[name] = {"version": installed}
        except Exception as error:
            report[name] = {"missing": f"{type(error).__name__}: {error}"}
    say({"verifiers": report})
    for line in sys.stdin:
        presented = json.loads(line)
        try:
            running[presented["verifier"]](presented["token"], presented["audience"], presented["alg"])
            say({"ok": True})
        except Exception as error:
            say({"ok": False, "why": f"{type(error).__name__}: {error}".removesuffix(": ")})


main()
