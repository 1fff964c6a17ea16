/* version.c - `version`. */
#include <openssl/crypto.h>

#include "cli/say.h"
#include "client/hsmlet.h"

hl_err cli_version(struct cli *c)
{
	if (c->global.json)
		return cli_print_json(c, "hsmlet-version/1",
			json_pack("{s:s, s:b, s:s, s:s}", "version", hsmlet_version(), "simulator", 1, "openssl",
				OpenSSL_version(OPENSSL_VERSION_STRING), "jansson", jansson_version_str()));
	fprintf(c->out, "hsmlet %s\n", hsmlet_version());
	fprintf(c->out, "A simulator of a cloud HSM service; its keys are not protected by hardware.\n");
	fprintf(c->out, "OpenSSL %s, jansson %s\n", OpenSSL_version(OPENSSL_VERSION_STRING),
		jansson_version_str());
	return HL_OK;
}
