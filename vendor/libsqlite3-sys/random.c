/* Random bytes for SQLCipher, from the operating system and from nowhere else.
 *
 * libtomcrypt's own rng_get_bytes falls back to measuring a CPU clock where it cannot read a device file: that is
 * slow, can hang on a busy machine, and is not random enough for anybody's costs. Here no bytes means an error. */
#include <stddef.h>
#include <sys/random.h>
#include <unistd.h>

unsigned long rng_get_bytes(unsigned char *out, unsigned long outlen, void (*callback)(void))
{
    unsigned long done = 0;
    (void)callback;
    while (done < outlen) {
        /* getentropy gives at most 256 bytes at once. */
        unsigned long part = outlen - done < 256 ? outlen - done : 256;
        if (getentropy(out + done, (size_t)part) != 0) {
            return 0;
        }
        done += part;
    }
    return done;
}
