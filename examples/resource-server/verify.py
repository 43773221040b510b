import contextlib
import sys
import threading
import time

import jwt  # PyJWT[crypto]

ISSUER = "https://auth.example.com"
AUDIENCE = "https://api.example.com"


class Verifier:
    def __init__(self, issuer=ISSUER, audience=AUDIENCE):
        # The keys serve for a day with the issuer down, and are fetched every ten minutes.
        self.keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json", lifespan=24 * 3600, timeout=3)
        self.expected = {"issuer": issuer, "audience": audience, "algorithms": ["ES256"], "leeway": 10}
        threading.Thread(target=self._fetch, daemon=True).start()

    def _fetch(self):
        while True:
            time.sleep(600)
            with contextlib.suppress(jwt.PyJWTError):
                self.keys.get_jwk_set(refresh=True)

    def verify(self, token: str) -> dict:
        """The claims. PyJWKClientConnectionError: no keys, answer 503. Any other PyJWTError: answer 401 invalid_token."""
        key = self.keys.get_signing_key_from_jwt(token)
        required = {"require": ["iss", "sub", "aud", "client_id", "iat", "exp", "jti"]}
        checked = jwt.decode_complete(token, key.key, options=required, **self.expected)
        if checked["header"].get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        return checked["payload"]


if __name__ == "__main__":
    try:
        claims = Verifier(issuer=sys.argv[1]).verify(sys.argv[2])
        print(claims["sub"], "read" in claims["scope"].split())
    except jwt.PyJWKClientConnectionError:
        print("503")
    except jwt.PyJWTError as error:
        print("401", type(error).__name__)
