/* device_store.h - the device key: 32 random bytes in a file of their own, beside the store. */
#pragma once

#include "lib/base/secret.h"

/**
 * Read the device key from `path` into `out` (HSM_DEVICE_KEY bytes, hsm/seal.h). Where the file is
 * missing and the store is new (it has no cluster row yet), make one: 0600, random, on disk before
 * this returns; of several members that do so at once, all get the same key. HL_E_STORE_KEY: the
 * store is in use and the file is missing, or the file is no device key; HL_E_MODE: file or folder
 * are not ours alone; HL_E_CREATE, HL_E_IO, HL_E_CRYPTO, HL_E_NOMEM. Whether it is this store's
 * key, hsm_sqlite_begin() tells.
 */
HL_CHECKED hl_err hsm_device_key_load(const char *path, bool store_is_new, struct hl_secret *out);
