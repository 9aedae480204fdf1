/*
 * web_test.c - the embedded files, whichever they are: this test runs with and without a built UI.
 */
#include <zlib.h>

#include "base/test.h"
#include "serve/web.h"

TEST(web_files_are_what_their_headers_say)
{
    for (size_t i = 0; i < web_file_count; i++) {
        const struct web_file *f = &web_files[i];
        CHECK(f->path[0] == '/' && f->content_type[0] && f->etag[0] == '"');
        CHECK(web_find(bole_slice_str(f->path)) == f);
        if (!f->gzip_size)
            continue;
        CHECK(f->gzip_size < f->size);
        z_stream z = {.next_in = (Bytef *)f->gzip_bytes, .avail_in = (uInt)f->gzip_size};
        uint8_t *plain = test_malloc(f->size + 1);
        z.next_out = plain;
        z.avail_out = (uInt)f->size + 1;
        CHECK(inflateInit2(&z, 15 + 16) == Z_OK);
        CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END);
        CHECK_EQ_SLICE(bole_slice_from(plain, z.total_out), bole_slice_from(f->bytes, f->size));
        inflateEnd(&z);
        test_free(plain);
    }
    CHECK(web_files[web_file_count].path == NULL);
}

TEST(web_index_is_never_kept_and_its_assets_for_ever)
{
    const struct web_file *index = web_find(S("/"));
    CHECK((index != NULL) == (web_file_count > 0));
    if (index) {
        CHECK(index == web_find(S("/index.html")));
        CHECK(!index->hashed);
    }
    for (size_t i = 0; i < web_file_count; i++)
        if (web_files[i].hashed)
            CHECK(strncmp(web_files[i].path, "/assets/", 8) == 0);
}

TEST(web_does_not_find_paths_that_are_not_files)
{
    static const bole_slice paths[] = {S(""), S("/assets"), S("/assets/"), S("//index.html"), S("/../index.html"), S("/index.html\0")};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        CHECK(web_find(paths[i]) == NULL);
}

TEST(web_gzip_is_sent_only_to_clients_that_accept_it)
{
    static const struct {
        bole_slice header;
        bool accepts;
    } cases[] = {
        {S(""), false},           {S("gzip"), true},          {S("GZIP"), true},         {S("br, gzip;q=0.5"), true},
        {S("gzip;q=0"), false},   {S("gzip; q=0.00"), false}, {S("gzip;q=0.01"), true},  {S("*"), true},
        {S("identity"), false},   {S("x-gzip2"), false},      {S("deflate,gzip"), true}, {S(",,"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(web_accepts_gzip(cases[i].header) == cases[i].accepts);
}
