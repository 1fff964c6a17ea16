/* listen.h - sockets that wait for others. All descriptors are non-blocking and close-on-exec.
 *
 * HL_E_EXISTS: the address is taken; HL_E_ARG: it is none that can be bound; HL_E_IO. errno still
 * holds the system's reason. */
#pragma once

#include "lib/base/core.h"

/** A TCP socket that listens; port 0 takes a free one, `real` (may be NULL) gets what was bound. */
HL_CHECKED hl_err hl_listen_tcp(const struct hl_addr *at, int *fd, struct hl_addr *real);
/** `n` TCP sockets that listen at one address and port, among which the kernel spreads connections (SO_REUSEPORT). It
 * is told where somebody has the address already, who would else get a share without a word. */
HL_CHECKED hl_err hl_listen_tcp_many(const struct hl_addr *at, size_t n, int *fd, struct hl_addr *real);
/** A UDP socket, bound without any reuse: it is its owner's alone. */
HL_CHECKED hl_err hl_listen_udp(const struct hl_addr *at, int *fd, struct hl_addr *real);
/** A stream socket at `path` (at most 107 bytes), mode 0600 from its first moment. One that nobody
 * listens at any more is replaced. */
HL_CHECKED hl_err hl_listen_unix(const char *path, int *fd);

struct sockaddr_storage;
/** Between the two ways to write an address; the length is that of the system's form, 0 where
 * there is none. What is neither IPv4, IPv6 nor a unix socket becomes family 0. */
unsigned hl_addr_to_system(const struct hl_addr *a, struct sockaddr_storage *out);
void hl_addr_of_system(const struct sockaddr_storage *in, struct hl_addr *out);

/* A peer that has vanished is noticed after 45 s at the latest, on an idle connection too. */
#define HL_KEEP_IDLE_S 30
#define HL_KEEP_INTERVAL_S 5
#define HL_KEEP_PROBES 3
/** No delay, keep-alive and user timeout for a TCP socket; accepted sockets inherit them from the
 * one that listens. Other sockets are left alone. */
void hl_tcp_tune(int fd);
