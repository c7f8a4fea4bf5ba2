/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/store.h"
#include "base/error.h"
#include "base/file.h"
#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Mender's clients open the same file with the same flags. */
enum { STORE_FLAGS = MDB_NOSUBDIR, STORE_MODE = 0600, WALK_LIMIT_S = 30 };

struct Store {
	MDB_env *environment;
	MDB_dbi database;
};

typedef struct {
	char *key;
	char *value; /* NULL = delete */
} Change;

struct StoreChanges {
	GPtrArray *list; /* of Change * */
};

static gboolean set_store_error(GError **error, int code, const char *attempt)
{
	gboolean corrupt = code == MDB_CORRUPTED || code == MDB_INVALID ||
			   code == MDB_VERSION_MISMATCH || code == MDB_PAGE_NOTFOUND ||
			   code == MDB_PANIC;

	g_set_error(error, ROTA_ERROR, corrupt ? ROTA_ERROR_CORRUPT : ROTA_ERROR_IO, "%s: %s",
		attempt, mdb_strerror(code));
	return FALSE;
}

static int open_environment(const char *path, unsigned flags, MDB_env **ret_environment)
{
	MDB_env *environment = NULL;
	int code = mdb_env_create(&environment);

	if (code == 0)
		code = mdb_env_set_mapsize(environment, STORE_SIZE_MAX);
	if (code == 0)
		code = mdb_env_open(environment, path, STORE_FLAGS | flags, STORE_MODE);
	if (code != 0) {
		if (environment != NULL)
			mdb_env_close(environment);
		return code;
	}
	*ret_environment = environment;
	return 0;
}

static int walk_database(MDB_txn *transaction)
{
	MDB_dbi database = 0;
	MDB_cursor *cursor = NULL;
	MDB_val key, value;
	volatile guint8 sum = 0; /* touches every byte, so that a bad page shows here */
	int code = mdb_dbi_open(transaction, NULL, 0, &database);

	if (code == 0)
		code = mdb_cursor_open(transaction, database, &cursor);
	while (code == 0 && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if (value.mv_size > STORE_VALUE_MAX)
			return MDB_CORRUPTED;
		for (gsize i = 0; i < value.mv_size; i++)
			sum = (guint8)(sum + ((const guint8 *)value.mv_data)[i]);
	}
	return code == MDB_NOTFOUND ? 0 : code;
}

static int walk_store(const char *path)
{
	MDB_env *environment = NULL;
	MDB_txn *transaction = NULL;
	int code = open_environment(path, MDB_RDONLY | MDB_NOLOCK, &environment);

	if (code == 0)
		code = mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction);
	return code == 0 ? walk_database(transaction) : code;
}

/* A crash here is an answer, nothing for whoever collects crashes. */
static void crash_quietly(void)
{
	static const int signals[] = { SIGBUS, SIGSEGV, SIGABRT, SIGFPE, SIGILL };
	struct rlimit none = { 0, 0 };

	for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
		signal(signals[i], SIG_DFL);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)alarm(WALK_LIMIT_S);
}

/* TRUE: the store can be read to its last byte. Only a verdict about the content is FALSE: without
 * memory or rights for the look the store is left as it is. */
static gboolean is_sound(const char *path)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		int code;

		crash_quietly();
		code = walk_store(path);
		/* An errno is no word about the content; LMDB's own codes are negative. */
		_exit(code < 0 ? 1 : 0);
	}
	if (child < 0)
		return TRUE;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static char *free_name_beside(const char *path)
{
	char *name = g_strdup_printf("%s-broken", path);

	for (int i = 1; g_file_test(name, G_FILE_TEST_EXISTS); i++) {
		g_free(name);
		name = g_strdup_printf("%s-broken.%d", path, i);
	}
	return name;
}

static gboolean keep_aside(const char *path, char **ret_kept_aside, GError **error)
{
	g_autofree char *aside = free_name_beside(path);
	g_autofree char *lock = g_strdup_printf("%s-lock", path);
	g_autofree char *folder = g_path_get_dirname(path);

	if (rename(path, aside) < 0) {
		rota_set_errno_error(error, errno, "keep aside %s", path);
		return FALSE;
	}
	(void)unlink(lock);
	if (!file_sync_folder(folder, error))
		return FALSE;
	*ret_kept_aside = g_steal_pointer(&aside);
	return TRUE;
}

static gboolean open_database(Store *store, GError **error)
{
	MDB_txn *transaction = NULL;
	int code = mdb_txn_begin(store->environment, NULL, MDB_RDONLY, &transaction);

	if (code != 0)
		return set_store_error(error, code, "read the store");
	code = mdb_dbi_open(transaction, NULL, 0, &store->database);
	mdb_txn_abort(transaction);
	return code == 0 || set_store_error(error, code, "read the store");
}

Store *store_open(const char *path, char **ret_kept_aside, GError **error)
{
	g_autoptr(Store) store = g_new0(Store, 1);
	g_autofree char *folder = g_path_get_dirname(path);
	struct stat status;
	int readers_gone = 0;
	int code;

	*ret_kept_aside = NULL;
	if (stat(path, &status) == 0 && status.st_size > 0 && !is_sound(path) &&
		!keep_aside(path, ret_kept_aside, error))
		return NULL;
	code = open_environment(path, 0, &store->environment);
	if (code != 0) {
		(void)set_store_error(error, code, "open the store");
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	(void)mdb_reader_check(store->environment, &readers_gone);
	if (!open_database(store, error) || !file_sync_folder(folder, error))
		return NULL;
	return g_steal_pointer(&store);
}

gboolean store_get(Store *store, const char *key, char **ret_value, GError **error)
{
	MDB_txn *transaction = NULL;
	MDB_val name = { strlen(key), (void *)(gsize)key };
	MDB_val value = { 0 };
	int code = mdb_txn_begin(store->environment, NULL, MDB_RDONLY, &transaction);

	*ret_value = NULL;
	if (code != 0)
		return set_store_error(error, code, "read the store");
	code = mdb_get(transaction, store->database, &name, &value);
	if (code == 0)
		*ret_value = g_strndup(value.mv_data, value.mv_size);
	mdb_txn_abort(transaction);
	return code == 0 || code == MDB_NOTFOUND || set_store_error(error, code, "read the store");
}

static void free_change(gpointer data)
{
	Change *change = data;

	g_free(change->key);
	g_free(change->value);
	g_free(change);
}

StoreChanges *store_changes_new(void)
{
	StoreChanges *changes = g_new0(StoreChanges, 1);

	changes->list = g_ptr_array_new_with_free_func(free_change);
	return changes;
}

void store_changes_set(StoreChanges *changes, const char *key, const char *value)
{
	Change *change = g_new0(Change, 1);

	change->key = g_strdup(key);
	change->value = g_strdup(value);
	g_ptr_array_add(changes->list, change);
}

void store_changes_free(StoreChanges *changes)
{
	if (changes == NULL)
		return;
	g_ptr_array_unref(changes->list);
	g_free(changes);
}

static int apply(const Store *store, MDB_txn *transaction, const Change *change)
{
	MDB_val name = { strlen(change->key), change->key };
	MDB_val value = { 0 };
	int code;

	if (change->value != NULL) {
		value.mv_size = strlen(change->value);
		value.mv_data = change->value;
		return mdb_put(transaction, store->database, &name, &value, 0);
	}
	code = mdb_del(transaction, store->database, &name, NULL);
	return code == MDB_NOTFOUND ? 0 : code;
}

gboolean store_write(Store *store, const StoreChanges *changes, GError **error)
{
	MDB_txn *transaction = NULL;
	int code = mdb_txn_begin(store->environment, NULL, 0, &transaction);

	if (code != 0)
		return set_store_error(error, code, "write the store");
	for (guint i = 0; code == 0 && i < changes->list->len; i++)
		code = apply(store, transaction, changes->list->pdata[i]);
	if (code != 0) {
		mdb_txn_abort(transaction);
		return set_store_error(error, code, "write the store");
	}
	code = mdb_txn_commit(transaction);
	return code == 0 || set_store_error(error, code, "write the store");
}

void store_close(Store *store)
{
	if (store == NULL)
		return;
	if (store->environment != NULL)
		mdb_env_close(store->environment);
	g_free(store);
}
