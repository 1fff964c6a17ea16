/* shell.h - the directory's own dealings with the system: DNS over UDP, credential files on disk. */
#pragma once

#include "directory/core.h"
#include "directory/dns.h"

struct ev_loop;

/* Answers queries for one pool name on one UDP socket. */
struct dir_dns_shell;
/** Bind `at` (the world's own address: no reuse) and answer from then on. `pool` and the addresses are copied.
 * HL_E_EXISTS: the address is taken; HL_E_IO; HL_E_NOMEM. */
HL_CHECKED hl_err dir_dns_shell_new(struct ev_loop *loop, const struct hl_addr *at, const char *pool,
	const struct dir_member *member, size_t members, struct dir_dns_shell **out);
void dir_dns_shell_free(struct dir_dns_shell *s);

/** Deliver credential files into `folder` (made with 0700 where it is missing), each 0600. The text
 * must outlive the mailbox. */
struct dir_mailbox dir_folder_mailbox(const char *folder);
