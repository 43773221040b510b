/*
 * A PKCS#11 module that has the faults of hardware on demand, and else is the one that FAULTY_PKCS11_MODULE names. What the file
 * FAULTY_PKCS11_FILE holds when a call comes is the fault: "gone" (no token, and every call fails), "hang" (one
 * signature never returns; the file says "hanging" then),
 * "kill" (the process dies in signing), "lost" (once: the session is no more), "unnamed" (what an object is called can't be changed),
 * "final-try" (the token says one wrong PIN would lock it), "no-eddsa" (the token knows no Edwards curves). Every login adds a byte to the file FAULTY_PKCS11_LOGINS.
 */
#include <dlfcn.h>
#include <pkcs11/pkcs11.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EDWARDS_KEY_PAIR_GEN 0x1055

static CK_FUNCTION_LIST faulty;
static CK_FUNCTION_LIST_PTR real;

static int has(const char *fault) {
  char text[32] = "";
  FILE *file = fopen(getenv("FAULTY_PKCS11_FILE"), "r");
  if (file == NULL) return 0;
  if (fgets(text, sizeof text, file) == NULL) text[0] = 0;
  fclose(file);
  return strcmp(text, fault) == 0;
}

static void put(const char *fault) {
  FILE *file = fopen(getenv("FAULTY_PKCS11_FILE"), "w");
  if (file == NULL) return;
  fputs(fault, file);
  fclose(file);
}

/* What every call on a session meets. */
static CK_RV meet(CK_SESSION_HANDLE session) {
  if (has("gone")) return CKR_DEVICE_REMOVED;
  if (has("lost")) {
    unlink(getenv("FAULTY_PKCS11_FILE"));
    real->C_CloseSession(session);
  }
  return CKR_OK;
}

static CK_RV get_slot_list(CK_BBOOL with_token, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count) {
  if (!has("gone")) return real->C_GetSlotList(with_token, slots, count);
  *count = 0;
  return CKR_OK;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
  CK_RV result = real->C_GetTokenInfo(slot, info);
  if (result == CKR_OK && has("final-try")) info->flags |= CKF_USER_PIN_FINAL_TRY;
  return result;
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR count) {
  CK_RV result = real->C_GetMechanismList(slot, list, count);
  if (result != CKR_OK || list == NULL || !has("no-eddsa")) return result;
  for (CK_ULONG at = 0; at < *count; at++)
    if (list[at] == EDWARDS_KEY_PAIR_GEN) list[at] = list[0];
  return result;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length) {
  FILE *file = fopen(getenv("FAULTY_PKCS11_LOGINS"), "a");
  if (file != NULL) {
    fputc('.', file);
    fclose(file);
  }
  return real->C_Login(session, user, pin, length);
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count) {
  CK_RV fault = meet(session);
  return fault == CKR_OK ? real->C_FindObjectsInit(session, template, count) : fault;
}

static CK_RV set_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template, CK_ULONG count) {
  return has("unnamed") ? CKR_ATTRIBUTE_READ_ONLY : real->C_SetAttributeValue(session, object, template, count);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  CK_RV fault = meet(session);
  return fault == CKR_OK ? real->C_SignInit(session, mechanism, key) : fault;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR signature, CK_ULONG_PTR room) {
  if (has("kill")) raise(SIGKILL);
  if (has("hang")) {
    put("hanging");
    for (;;) pause();
  }
  return real->C_Sign(session, data, length, signature, room);
}

static CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR of_public, CK_ULONG public_count,
                               CK_ATTRIBUTE_PTR of_private, CK_ULONG private_count, CK_OBJECT_HANDLE_PTR public_key,
                               CK_OBJECT_HANDLE_PTR private_key) {
  CK_RV fault = meet(session);
  if (fault != CKR_OK) return fault;
  return real->C_GenerateKeyPair(session, mechanism, of_public, public_count, of_private, private_count, public_key, private_key);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  void *library = dlopen(getenv("FAULTY_PKCS11_MODULE"), RTLD_NOW);
  if (library == NULL) return CKR_GENERAL_ERROR;
  CK_RV result = ((CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList"))(&real);
  if (result != CKR_OK) return result;
  faulty = *real;
  faulty.C_GetSlotList = get_slot_list;
  faulty.C_GetTokenInfo = get_token_info;
  faulty.C_GetMechanismList = get_mechanism_list;
  faulty.C_Login = login;
  faulty.C_FindObjectsInit = find_objects_init;
  faulty.C_SetAttributeValue = set_attribute_value;
  faulty.C_SignInit = sign_init;
  faulty.C_Sign = sign;
  faulty.C_GenerateKeyPair = generate_key_pair;
  *list = &faulty;
  return CKR_OK;
}
