//! Compiles SQLCipher with libtomcrypt as its cipher, hash and random source. Nothing but a C compiler is called.

use std::env;
use std::path::Path;

/// What of libtomcrypt is used: AES-256-CBC, HMAC-SHA512 (SHA-1 and SHA-256 are registered beside it), PBKDF2, and
/// Fortuna. What seeds it is `random.c`, not libtomcrypt's `rng_get_bytes`, which would make do with a clock.
const TOMCRYPT: &[&str] = &[
    "ciphers/aes/aes.c",
    "hashes/helper/hash_memory.c",
    "hashes/sha1.c",
    "hashes/sha2/sha256.c",
    "hashes/sha2/sha512.c",
    "mac/hmac/hmac_",
    "misc/burn_stack.c",
    "misc/compare_testvector.c",
    "misc/crypt/",
    "misc/error_to_string.c",
    "misc/mem_neq.c",
    "misc/pkcs5/pkcs_5_2.c",
    "misc/zeromem.c",
    "modes/cbc/",
    "prngs/fortuna.c",
];

/// The switches of libtomcrypt that go with the list above; the header turns everything else off.
const SWITCHES: &[&str] = &[
    "LTC_NOTHING",
    "LTC_RIJNDAEL",
    "LTC_CBC_MODE",
    "LTC_HASH_HELPERS",
    "LTC_SHA1",
    "LTC_SHA256",
    "LTC_SHA512",
    "LTC_HMAC",
    "LTC_PKCS_5",
    "LTC_FORTUNA",
    "LTC_RNG_GET_BYTES",
    "LTC_NO_TEST",
    "LTC_NO_FILE",
];

/// SQLite without what moai never calls; the extensions cost build time and size.
const SQLITE: &[&str] = &[
    "SQLITE_CORE",
    "SQLITE_HAS_CODEC",
    "SQLCIPHER_CRYPTO_LIBTOMCRYPT",
    "SQLCIPHER_OMIT_LOG", // or a wrong key writes to standard error, past everything that moai says
    "SQLITE_EXTRA_INIT=sqlcipher_extra_init",
    "SQLITE_EXTRA_SHUTDOWN=sqlcipher_extra_shutdown",
    "SQLITE_TEMP_STORE=2",
    "SQLITE_THREADSAFE=1",
    "SQLITE_DEFAULT_FOREIGN_KEYS=1",
    "SQLITE_ENABLE_API_ARMOR",
    "SQLITE_ENABLE_COLUMN_METADATA",
    "SQLITE_ENABLE_STAT4",
    "SQLITE_USE_URI",
    "SQLITE_OMIT_DEPRECATED",
    "SQLITE_OMIT_JSON",
    "SQLITE_OMIT_LOAD_EXTENSION",
    "SQLITE_OMIT_SHARED_CACHE",
    "HAVE_USLEEP=1",
    "HAVE_ISNAN",
    "HAVE_STDINT_H=1",
    "HAVE_LOCALTIME_R",
    "_POSIX_THREAD_SAFE_FUNCTIONS",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=random.c");
    let source = sqlcipher_src::source_dir();
    let headers = source.join(sqlcipher_src::LIBTOMCRYPT_INCLUDE_DIR);

    let mut tomcrypt = cc::Build::new();
    tomcrypt.include(&headers).define("LTC_SOURCE", None).warnings(false).opt_level(3).file("random.c");
    let mut sqlite = cc::Build::new();
    sqlite.include(&headers).file(source.join(sqlcipher_src::SOURCE_FILE)).warnings(false).opt_level_str("s");
    for switch in SWITCHES {
        tomcrypt.define(switch, None);
        sqlite.define(switch, None);
    }
    for file in sqlcipher_src::LIBTOMCRYPT_SOURCES {
        let name = file.strip_prefix("libtomcrypt/").unwrap_or(file);
        if TOMCRYPT.iter().any(|wanted| name.starts_with(wanted)) {
            tomcrypt.file(source.join(file));
        }
    }
    for option in SQLITE {
        let (name, value) = option.split_once('=').map_or((*option, None), |(name, value)| (name, Some(value)));
        sqlite.define(name, value);
    }
    // SQLite first: a static linker takes from the later library what the earlier one lacks.
    sqlite.compile("sqlcipher");
    tomcrypt.compile("tomcrypt");
    println!("cargo:include={}", source.display());

    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::copy("src/bindings.rs", Path::new(&out).join("bindgen.rs")).expect("the bindings can be copied");
}
