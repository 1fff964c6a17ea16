/* samples.c - libFuzzer begins with a target's samples: they are written into the first folder of
 * its command line, where it keeps its corpus. */
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

static void write_sample(const char *folder, unsigned i, const uint8_t *p, size_t n)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/sample-%u", folder, i);
	f = fopen(path, "wb");
	HL_FUZZ_MUST(f && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static uint8_t input[1 << 16];
	const char *folder = NULL;
	struct stat st;
	size_t n;

	for (int i = 1; i < *argc && !folder; i++)
		if (stat((*argv)[i], &st) == 0 && S_ISDIR(st.st_mode))
			folder = (*argv)[i];
	for (unsigned i = 0; folder && (n = hl_fuzz_seed(i, input, sizeof input)) > 0; i++)
		write_sample(folder, i, input, n);
	return 0;
}
