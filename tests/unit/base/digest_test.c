/*
 * digest - BLAKE2s-256 against published vectors.
 *
 * "abc" is RFC 7693, appendix B; the keyed table is part of the authors' known-answer
 * file (blake2s-kat: key 00 01 … 1f, message of length n is 00 01 02 …). All of them,
 * and the unkeyed, the long and the short-key ones, were made a second time by Python's
 * hashlib, which shares no source with us.
 */
#include <suite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <theseus/digest.h>

struct vector {
	size_t len;
	const char *hex;
};

static const struct vector keyed[] = {
	{0, "48a8997da407876b3d79c0d92325ad3b89cbb754d86ab71aee047ad345fd2c49"},
	{1, "40d15fee7c328830166ac3f918650f807e7e01e177258cdc0a39b11f598066f1"},
	{2, "6bb71300644cd3991b26ccd4d274acd1adeab8b1d7914546c1198bbe9fc9d803"},
	{3, "1d220dbe2ee134661fdf6d9e74b41704710556f2f6e5a091b227697445dbea6b"},
	{4, "f6c3fbadb4cc687a0064a5be6e791bec63b868ad62fba61b3757ef9ca52e05b2"},
	{5, "49c1f21188dfd769aea0e911dd6b41f14dab109d2b85977aa3088b5c707e8598"},
	{6, "fdd8993dcd43f696d44f3cea0ff35345234ec8ee083eb3cada017c7f78c17143"},
	{7, "e6c8125637438d0905b749f46560ac89fd471cf8692e28fab982f73f019b83a9"},
	{8, "19fc8ca6979d60e6edd3b4541e2f967ced740df6ec1eaebbfe813832e96b2974"},
	{9, "a6ad777ce881b52bb5a4421ab6cdd2dfba13e963652d4d6d122aee46548c14a7"},
	{10, "f5c4b2ba1a00781b13aba0425242c69cb1552f3f71a9a3bb22b4a6b4277b46dd"},
	{11, "e33c4c9bd0cc7e45c80e65c77fa5997fec7002738541509e68a9423891e822a3"},
	{12, "fba16169b2c3ee105be6e1e650e5cbf40746b6753d036ab55179014ad7ef6651"},
	{13, "f5c4bec6d62fc608bf41cc115f16d61c7efd3ff6c65692bbe0afffb1fede7475"},
	{14, "a4862e76db847f05ba17ede5da4e7f91b5925cf1ad4ba12732c3995742a5cd6e"},
	{15, "65f4b860cd15b38ef814a1a804314a55be953caa65fd758ad989ff34a41c1eea"},
	{16, "19ba234f0a4f38637d1839f9d9f76ad91c8522307143c97d5f93f69274cec9a7"},
	{17, "1a67186ca4a5cb8e65fca0e2ecbc5ddc14ae381bb8bffeb9e0a103449e3ef03c"},
	{18, "afbea317b5a2e89c0bd90ccf5d7fd0ed57fe585e4be3271b0a6bf0f5786b0f26"},
	{19, "f1b01558ce541262f5ec34299d6fb4090009e3434be2f49105cf46af4d2d4124"},
	{31, "b6156f72d380ee9ea6acd190464f2307a5c179ef01fd71f99f2d0f7a57360aea"},
	{32, "c03bc642b20959cbe133a0303e0c1abff3e31ec8e1a328ec8565c36decff5265"},
	{33, "2c3e08176f760c6264c3a2cd66fec6c3d78de43fc192457b2a4a660a1e0eb22b"},
	{63, "c65382513f07460da39833cb666c5ed82e61b9e998f4b0c4287cee56c3cc9bcd"},
	{64, "8975b0577fd35566d750b362b0897a26c399136df07bababbde6203ff2954ed4"},
	{65, "21fe0ceb0052be7fb0f004187cacd7de67fa6eb0938d927677f2398c132317a8"},
	{127, "ddbfea75cc467882eb3483ce5e2e756a4f4701b76b445519e89f22d60fa86e06"},
	{128, "0c311f38c35a4fb90d651c289d486856cd1413df9b0677f53ece2cd9e477c60a"},
	{129, "46a73a8dd3e70f59d3942c01df599def783c9da82fd83222cd662b53dce7dbdf"},
	{191, "91a25ec0ec0d9a567f89c4bfe1a65a0e432d07064b4190e27dfb81901fd3139b"},
	{192, "5950d39a23e1545f301270aa1a12f2e6c453776e4d6355de425cc153f9818867"},
	{193, "d79f14720c610af179a3765d4b7c0968f977962dbf655b521272b6f1e194488e"},
	{253, "69cb192b8444005c8c0ceb12c846860768188cda0aec27a9c8a55cdee2123632"},
	{254, "db444c15597b5f1a03d1f9edd16e4a9f43a667cc275175dfa2b704e3bb1a9b83"},
	{255, "3fb735061abc519dfe979e54c1ee5bfad0a9d858b3315bad34bde999efd724dd"},
};

static const struct vector unkeyed[] = {
	{0, "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9"},
	{1, "e34d74dbaf4ff4c6abd871cc220451d2ea2648846c7757fbaac82fe51ad64bea"},
	{2, "ddad9ab15dac4549ba42f49d262496bef6c0bae1dd342a8808f8ea267c6e210c"},
	{63, "e57cb79487dd57902432b250733813bd96a84efce59f650fac26e6696aefafc3"},
	{64, "56f34e8b96557e90c1f24b52d0c89d51086acf1b00f634cf1dde9233b8eaaa3e"},
	{65, "1b53ee94aaf34e4b159d48de352c7f0661d0a40edff95a0b1639b4090e974472"},
	{127, "f18417b39d617ab1c18fdf91ebd0fc6d5516bb34cf39364037bce81fa04cecb1"},
	{128, "1fa877de67259d19863a2a34bcc6962a2b25fcbf5cbecd7ede8f1fa36688a796"},
	{129, "5bd169e67c82c2c2e98ef7008bdf261f2ddf30b1c00f9e7f275bb3e8a28dc9a2"},
	{255, "f03f5789d3336b80d002d59fdf918bdb775b00956ed5528e86aa994acb38fe2d"},
	{256, "5fdeb59f681d975f52c8e69c5502e02a12a3afcc5836ba58f42784c439228781"},
	{1000, "b5f9d7799111edafc9326fbf667be98140b5e20ce5e151793c59125bf654ac18"},
	{4096, "f77af6667918bc01a1e6bc880317428c894a2b209c523d0e427fb9d6b372407a"},
};

/* 100 bytes under the first n bytes of the key. */
static const struct vector short_keys[] = {
	{1, "c562710f6cca5e919a857b3d76941df3d75e46392fa124fd062d12032b9c870f"},
	{2, "e31ed333b24c9c1338a5a2df91086de572a0237df0e0954b9913ccd58e87ce6b"},
	{16, "23f6c104967143ff2fe862cdb21c24d3aab0eec7f420ab12915f3eb1c8ff3f8f"},
	{31, "083039b7c732b02aee724f043a98e847386248d83e2cf91bbb7071053259676b"},
	{32, "c376617014d20158bced3d3ba552b6eccf84e62aa3eb650e90029c84d13eea69"},
};

static uint8_t key[THS_DIGEST_KEY_MAX];
static uint8_t message[4096];

static void set_up(void)
{
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
}

static void assert_hex(const uint8_t out[THS_DIGEST_SIZE], const char *hex)
{
	char text[2 * THS_DIGEST_SIZE + 1];

	for (size_t i = 0; i < THS_DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", out[i]);
	ck_assert_str_eq(text, hex);
}

START_TEST(abc_is_as_in_the_rfc)
{
	uint8_t out[THS_DIGEST_SIZE];

	ths_digest(out, "abc", 3);
	assert_hex(out,
		   "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
}
END_TEST

START_TEST(keyed_vectors_agree)
{
	struct ths_digest digest;
	uint8_t out[THS_DIGEST_SIZE];
	uint8_t *exact = malloc(keyed[_i].len + 1);

	set_up();
	memcpy(exact, message, keyed[_i].len);
	exact = realloc(exact, keyed[_i].len ? keyed[_i].len : 1);
	ck_assert_int_eq(ths_digest_init_keyed(&digest, key, sizeof(key)), THS_OK);
	ths_digest_update(&digest, exact, keyed[_i].len);
	ths_digest_final(&digest, out);
	assert_hex(out, keyed[_i].hex);
	free(exact);
}
END_TEST

START_TEST(unkeyed_vectors_agree)
{
	uint8_t out[THS_DIGEST_SIZE];

	set_up();
	ths_digest(out, message, unkeyed[_i].len);
	assert_hex(out, unkeyed[_i].hex);
}
END_TEST

START_TEST(short_keys_agree)
{
	struct ths_digest digest;
	uint8_t out[THS_DIGEST_SIZE];

	set_up();
	ck_assert_int_eq(ths_digest_init_keyed(&digest, key, short_keys[_i].len), THS_OK);
	ths_digest_update(&digest, message, 100);
	ths_digest_final(&digest, out);
	assert_hex(out, short_keys[_i].hex);
}
END_TEST

START_TEST(cuts_do_not_matter)
{
	uint8_t whole[THS_DIGEST_SIZE], pieces[THS_DIGEST_SIZE];

	set_up();
	for (size_t first = 0; first <= (size_t)_i; first += first < 4 ? 1 : 13) {
		struct ths_digest digest;
		size_t second = ((size_t)_i - first) / 2;

		ths_digest(whole, message, (size_t)_i);
		ths_digest_init(&digest);
		ths_digest_update(&digest, message, first);
		ths_digest_update(&digest, NULL, 0);
		ths_digest_update(&digest, message + first, second);
		for (size_t i = first + second; i < (size_t)_i; i++)
			ths_digest_update(&digest, message + i, 1);
		ths_digest_final(&digest, pieces);
		ck_assert(ths_digest_equal(whole, pieces));
	}
}
END_TEST

START_TEST(every_bit_matters)
{
	uint8_t out[THS_DIGEST_SIZE], other[THS_DIGEST_SIZE];

	set_up();
	ths_digest(out, message, 130);
	for (size_t bit = 0; bit < 8 * 130; bit++) {
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ths_digest(other, message, 130);
		ck_assert(!ths_digest_equal(out, other));
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ths_digest(other, message, 129);
	ck_assert(!ths_digest_equal(out, other));
}
END_TEST

START_TEST(empty_and_long_keys_are_refused)
{
	struct ths_digest digest, before;
	uint8_t long_key[THS_DIGEST_KEY_MAX + 1] = {0};

	memset(&digest, 0x5a, sizeof(digest));
	before = digest;
	ck_assert_int_eq(ths_digest_init_keyed(&digest, long_key, 0), THS_E_INVAL);
	ck_assert_int_eq(ths_digest_init_keyed(&digest, long_key, sizeof(long_key)),
			 THS_E_INVAL);
	ck_assert_mem_eq(&digest, &before, sizeof(digest));
}
END_TEST

START_TEST(equal_sees_each_byte)
{
	uint8_t a[THS_DIGEST_SIZE] = {0}, b[THS_DIGEST_SIZE] = {0};

	ck_assert(ths_digest_equal(a, b));
	b[_i] = 0x10;
	ck_assert(!ths_digest_equal(a, b));
}
END_TEST

START_TEST(a_finished_digest_is_wiped)
{
	struct ths_digest digest;
	static const struct ths_digest zero;
	uint8_t out[THS_DIGEST_SIZE];

	set_up();
	ck_assert_int_eq(ths_digest_init_keyed(&digest, key, sizeof(key)), THS_OK);
	ths_digest_update(&digest, message, 70);
	ths_digest_final(&digest, out);
	ck_assert_mem_eq(&digest, &zero, sizeof(digest));
}
END_TEST

Suite *ths_test_suite(void)
{
	Suite *suite = suite_create("digest");
	TCase *tcase;

	tcase = tcase_create("D1: BLAKE2s-256, however cut");
	tcase_add_test(tcase, abc_is_as_in_the_rfc);
	ths_tcase_add_turns(tcase, keyed_vectors_agree, 0, (int)THS_ARRAY_SIZE(keyed));
	ths_tcase_add_turns(tcase, unkeyed_vectors_agree, 0,
			    (int)THS_ARRAY_SIZE(unkeyed));
	ths_tcase_add_turns(tcase, short_keys_agree, 0, (int)THS_ARRAY_SIZE(short_keys));
	ths_tcase_add_turns(tcase, cuts_do_not_matter, 0, 260);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("D2: another key, byte, length: another digest");
	tcase_add_test(tcase, every_bit_matters);
	tcase_add_test(tcase, empty_and_long_keys_are_refused);
	ths_tcase_add_turns(tcase, equal_sees_each_byte, 0, THS_DIGEST_SIZE);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("D3: nothing is left behind");
	tcase_add_test(tcase, a_finished_digest_is_wiped);
	suite_add_tcase(suite, tcase);

	return suite;
}
