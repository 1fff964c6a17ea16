#include "client/account.h"

#include "tests/support/folder.h"
#include "tests/support/test.h"

#define SLOT(partition, user, id) \
	"slot" id ": { user_name = \"" partition "\"; proxy_user = \"" user "\"; id = " id "; }; "
#define HOST(n, name, priority, slots) \
	"hsm" n ": { host = \"" name "\"; port = \"2310\"; priority = " priority "; slots: { " slots "}; };\n"
#define FILE_OF(hosts) "primus: { wait_delay = 100; wait_max_tries = 7; hsms: {\n" hosts "}; };\n"

static hl_err find(const char *text, const char *partition, struct client_account *out, char detail[512])
{
	HL_AUTO(hl_test_folder_remove) struct hl_test_folder folder;
	char path[PATH_MAX];

	CU_ASSERT_FATAL(hl_test_folder_make(&folder));
	hl_test_folder_file(&folder, "primus.cfg", path);
	CU_ASSERT_FATAL(hl_test_file_write(path, text, strlen(text), 0600));
	*out = (struct client_account){ 0 };
	return client_account_find(out, path, path, partition, detail);
}

static const char three[] = FILE_OF(
	HOST("0", "far.test", "9", SLOT("A", "svc", "0"))
	HOST("1", "near.test", "1", SLOT("B", "svcb", "1") SLOT("A", "svc", "0"))
	HOST("2", "other.test", "0", SLOT("B", "svcb", "1"))
	HOST("3", "beside.test", "1", SLOT("A", "svc", "0")));

static void every_host_that_has_the_partition_is_a_candidate(void)
{
	struct client_conf_link link;
	struct client_account a;
	char detail[512];

	CU_ASSERT_EQUAL(find(three, "A", &a, detail), HL_OK);
	CU_ASSERT_STRING_EQUAL(a.host->host, "near.test");
	client_account_link(&a, &link);
	CU_ASSERT_EQUAL_FATAL(link.host_count, 3);
	CU_ASSERT_STRING_EQUAL(link.hosts[0].host, "far.test");
	CU_ASSERT_EQUAL(link.hosts[0].priority, 9);
	CU_ASSERT_STRING_EQUAL(link.hosts[1].host, "near.test");
	CU_ASSERT_STRING_EQUAL(link.hosts[2].host, "beside.test");
	CU_ASSERT_EQUAL(link.hosts[2].port, 2310);
	CU_ASSERT_EQUAL(link.patience_ms, 700);
	client_account_clear(&a);
}

static void the_first_partition_is_meant_where_none_is_named(void)
{
	struct client_account a;
	char detail[512];

	CU_ASSERT_EQUAL(find(three, NULL, &a, detail), HL_OK);
	CU_ASSERT_STRING_EQUAL(a.slot->partition, "A");
	CU_ASSERT_EQUAL(a.targets, 3);
	client_account_clear(&a);
	CU_ASSERT_EQUAL(find(three, "C", &a, detail), HL_E_PARTITION);
	client_account_clear(&a);
}

static void hosts_that_disagree_about_the_service_user_are_told(void)
{
	static const char two[] = FILE_OF(HOST("0", "one.test", "0", SLOT("A", "svc", "0"))
			HOST("1", "two.test", "0", SLOT("A", "another", "0")));
	struct client_account a;
	char detail[512] = "";

	CU_ASSERT_EQUAL(find(two, "A", &a, detail), HL_E_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(detail, "hsm1.slot0 has another \"proxy_user\" for A than hsm0.slot0"));
	client_account_clear(&a);
}

static CU_TestInfo tests[] = {
	{ "every host that has the partition is a candidate", every_host_that_has_the_partition_is_a_candidate },
	{ "the first partition is meant where none is named", the_first_partition_is_meant_where_none_is_named },
	{ "hosts that disagree about the service user are told", hosts_that_disagree_about_the_service_user_are_told },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("account", tests)
