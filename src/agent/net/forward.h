/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "http/client.h"

/* One connection of the local forwarder (forwarder.h), from its first byte to its last. */
typedef struct Forward Forward;

enum {
	FORWARD_HEAD_LIMIT_S = 10,         /* for all of a request's head */
	FORWARD_CONNECT_LIMIT_S = 60,      /* to the server */
	FORWARD_IDLE_LIMIT_S = 300,        /* no byte either way */
	FORWARD_SOCKET_IDLE_LIMIT_S = 600, /* the same of a WebSocket: add-ons ping each minute */
	FORWARD_END_LIMIT_S = 5,           /* for the caller to take the end of an answer */
	FORWARD_PIPE_SIZE = 64 * 1024,     /* bytes on their way, each direction */
};

/* What a connection asks of the forwarder that it is part of. */
typedef struct {
	HttpClient *http;
	const char *(*server)(gpointer owner);
	const char *(*token)(gpointer owner);               /* (nullable) */
	gboolean (*may_be_socket)(gpointer owner);          /* another WebSocket is allowed */
	void (*refused)(const char *token, gpointer owner); /* the server answered 401 to it */
	void (*ended)(Forward *forward, gpointer owner);    /* it is to be freed */
	gpointer owner;
} ForwardOwner;

/* @fd: (transfer full): the caller's connection, which does not block */
Forward *forward_new(const ForwardOwner *owner, int fd);
void forward_free(Forward *forward);
gboolean forward_is_socket(const Forward *forward); /* it is a WebSocket, or asked to be */
