"""moto's server for AWS KMS on a port of the loopback, with two things put right.

moto hashes what it is given to sign even where MessageType says that it is a digest already; AWS KMS then skips the hashing step
(API reference, Sign). So a digest is signed here as one. And moto knows the key that is to be deleted by its id only, AWS KMS by its
ARN as well (API reference, ScheduleKeyDeletion). All else is moto's.
"""

import sys
from contextvars import ContextVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey
from moto.server import main

is_digest = ContextVar("is_digest", default=False)
moto_answer = KmsResponse.sign
moto_sign = ECDSAPrivateKey.sign
moto_schedule = KmsBackend.schedule_key_deletion


def answer(self):
    is_digest.set(self._get_param("MessageType") == "DIGEST")
    return moto_answer(self)


def sign(self, message, signing_algorithm):
    if not is_digest.get() or signing_algorithm != "ECDSA_SHA_256":
        return moto_sign(self, message, signing_algorithm)
    return self.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))


def schedule(self, key_id, pending_window_in_days):
    return moto_schedule(self, self.get_key_id(key_id), pending_window_in_days)


KmsResponse.sign = answer
ECDSAPrivateKey.sign = sign
KmsBackend.schedule_key_deletion = schedule
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
