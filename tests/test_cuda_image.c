/* Modules of kernels: built in, compiled by NVRTC, cached; and what is said where none is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <elf.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"
#include "cuda_image.h"
#include "cuda_nvrtc.h"
#include "embedded.h"
#include "files.h"
#include "model_store.h"

/* a major compute capability that no NVRTC knows: it gets PTX, which is sooner made */
enum { FUTURE = 99 };

static char folder[] = "/tmp/nessmap_test_cuda_image_XXXXXX";
static char *cache; /* in `folder` */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* One sentence of one line. */
static void check_sentence(const char *const *words, int n_words)
{
    const char *sentence = nm_last_error();
    print_message("%s\n", sentence);
    assert_null(strchr(sentence, '\n'));
    assert_in_range(strlen(sentence), 20, 600);
    for (int i = 0; i < n_words; i++) {
        if (!strstr(sentence, words[i])) {
            fail_msg("\"%s\" is not in: %s", words[i], sentence);
        }
    }
}

/* --- models ----------------------------------------------------------------------------------- */

static const nm_model *ring(void)
{
    const nm_model *model;
    assert_int_equal(nm_model_find(&model, "driven_cycle"), NM_OK);
    assert_non_null(model->text);
    return model;
}

/* The text with `what` replaced once by `with`; the caller frees. */
static char *replaced(const char *text, const char *what, const char *with)
{
    const char *place = strstr(text, what);
    assert_non_null(place);
    char *result =
        nm_file_format("%.*s%s%s", (int)(place - text), text, with, place + strlen(what));
    assert_non_null(result);
    return result;
}

/* driven_cycle as a user may have changed it: a pathway has a variant; .text is to be freed. It is
 * compiled here and not run: kernels whose functions stay functions are made in a fourth of the
 * time (but not if the smallest, those of lang.h, stay so too). */
static nm_model user_model(void)
{
    static const char *const choices[] = {"own", "first"}, *const fuels[] = {"held", "finite"};
    static const nm_variant_info variants[] = {{"speed", 2, choices}, {"fuel", 2, fuels}};
    nm_model model = *ring();
    char *text = replaced(model.text, "mass_action(k2f, k2r)",
                          "by(speed, mass_action(k2f, k2r), mass_action(k1f, k1r))");
    char *varied = replaced(text, "variant(fuel, held, finite)",
                            "variant(speed, own, first) variant(fuel, held, finite)");
    model.text = nm_file_format("#include \"nessmap/lang.h\"\n"
                                "#undef NM_FN\n"
                                "#define NM_FN static __device__ __noinline__\n%s",
                                varied);
    assert_non_null(model.text);
    free(varied);
    free(text);
    model.n_variants = 2;
    model.variants = variants;
    return model;
}

/* --- cubins ----------------------------------------------------------------------------------- */

/* Where the symbol of a function or an object lies in a cubin, or NULL. Its binding says nothing:
 * the driver finds local objects too. */
static const char *find_symbol(const char *cubin, size_t n_bytes, const char *name, int kind)
{
    Elf64_Ehdr header;
    assert_true(n_bytes > sizeof header && memcmp(cubin, ELFMAG, SELFMAG) == 0);
    memcpy(&header, cubin, sizeof header);
    assert_int_equal(header.e_machine, 190); /* EM_CUDA */
    assert_true(header.e_shoff + (uint64_t)header.e_shnum * sizeof(Elf64_Shdr) <= n_bytes);
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(cubin + header.e_shoff);
    for (int i = 0; i < header.e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB) {
            continue;
        }
        const Elf64_Sym *symbols = (const Elf64_Sym *)(cubin + sections[i].sh_offset);
        const char *names = cubin + sections[sections[i].sh_link].sh_offset;
        for (uint64_t k = 0; k < sections[i].sh_size / sizeof *symbols; k++) {
            if (ELF64_ST_TYPE(symbols[k].st_info) == kind && symbols[k].st_size > 0 &&
                strcmp(names + symbols[k].st_name, name) == 0) {
                assert_in_range(symbols[k].st_shndx, 1, header.e_shnum - 1);
                return cubin + sections[symbols[k].st_shndx].sh_offset + symbols[k].st_value;
            }
        }
    }
    return NULL;
}

/* choice: of the first variant, as the module says it */
static void check_cubin(const void *cubin, size_t n_bytes, int choice)
{
    static const char *const kernels[] = {
        "nm_gpu_newton",        "nm_gpu_judge",        "nm_gpu_everyone",
        "nm_gpu_reduce_blocks", "nm_gpu_reduce_cells", "nm_gpu_locate",
        "nm_gpu_project",       "nm_gpu_quantiles",    "nm_gpu_walk_windows"};
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        if (!find_symbol(cubin, n_bytes, kernels[i], STT_FUNC)) {
            fail_msg("the cubin has no kernel %s", kernels[i]);
        }
    }
    assert_non_null(find_symbol(cubin, n_bytes, "nm_gpu_task", STT_OBJECT));
    const char *place = find_symbol(cubin, n_bytes, "nm_gpu_sizes_of", STT_OBJECT);
    nm_gpu_sizes sizes;
    assert_non_null(place);
    memcpy(&sizes, place, sizeof sizes);
    assert_int_equal(sizes.abi, NM_ABI);
    assert_int_equal(sizes.choice[0], choice);
}

/* --- built in --------------------------------------------------------------------------------- */

/* A fatbin is a header and entries: a kind (1 PTX, 2 machine code), an architecture, the bytes. */
static void check_fatbin(const char *bytes, size_t n_bytes)
{
    uint32_t magic;
    uint16_t header_bytes;
    int n_ptx = 0, n_sm_80 = 0, n_sm_90 = 0;
    memcpy(&magic, bytes, sizeof magic);
    memcpy(&header_bytes, bytes + 6, sizeof header_bytes);
    assert_int_equal(magic, 0xba55ed50);
    for (size_t at = header_bytes; at + 64 <= n_bytes;) {
        uint16_t kind;
        uint32_t entry_bytes, architecture;
        uint64_t code_bytes;
        memcpy(&kind, bytes + at, sizeof kind);
        memcpy(&entry_bytes, bytes + at + 4, sizeof entry_bytes);
        memcpy(&code_bytes, bytes + at + 8, sizeof code_bytes);
        memcpy(&architecture, bytes + at + 28, sizeof architecture);
        assert_true(code_bytes > 0 && at + entry_bytes + code_bytes <= n_bytes);
        n_ptx += kind == 1 && architecture == 80;
        n_sm_80 += kind == 2 && architecture == 80;
        n_sm_90 += kind == 2 && architecture == 90;
        if (kind == 2) {
            check_cubin(bytes + at + entry_bytes, code_bytes, 0);
        }
        at += entry_bytes + code_bytes;
    }
    assert_int_equal(n_ptx, 1);
    assert_int_equal(n_sm_80, 1);
    assert_int_equal(n_sm_90, 1);
}

static void test_built_in(void **state)
{
    (void)state;
    static const int capabilities[][2] = {{8, 0}, {8, 6}, {9, 0}, {10, 0}, {12, 1}};
    const int choice[NM_MAX_VARIANTS] = {0};
    int n;
    const nm_cuda_builtin *builtins = nm_cuda_builtins(&n);
    const char *build = getenv("NESSMAP_BUILD");
    char *path = nm_file_format("%s/kernels/driven_cycle.fatbin", build ? build : "..");
    int is_expected = access(path, R_OK) == 0;
    free(path);
    assert_int_equal(n, is_expected ? 2 : 0);
    if (n == 0) {
        print_message("this build has no modules built in\n");
        return;
    }
    for (int i = 0; i < n; i++) {
        const nm_model *model;
        nm_cuda_image first, image;
        assert_int_equal(nm_model_find(&model, builtins[i].model), NM_OK);
        assert_int_equal(nm_cuda_image_get(&first, model, choice, 9, 0), NM_OK);
        check_fatbin(first.bytes, first.n_bytes);
        for (size_t k = 0; k < sizeof capabilities / sizeof capabilities[0]; k++) {
            assert_int_equal(
                nm_cuda_image_get(&image, model, choice, capabilities[k][0], capabilities[k][1]),
                NM_OK);
            assert_string_equal(image.origin, "built in");
            assert_ptr_equal(image.bytes, first.bytes);
            nm_cuda_image_clear(&image);
            assert_null(image.bytes);
        }
        print_message("%s: %zu bytes built in\n", model->name, first.n_bytes);
    }
}

/* --- the cache -------------------------------------------------------------------------------- */

/* Leaves one of `parts` parts of every file of the cache. last: the path of one, the caller frees.
 * returns how many there are. */
static int cut_cache(char **last, int parts)
{
    char *place = nm_cache_folder();
    DIR *dir = opendir(place);
    int n = 0;
    *last = NULL;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat info;
        if (entry->d_name[0] == '.') {
            continue;
        }
        free(*last);
        *last = nm_file_format("%s/%s", place, entry->d_name);
        assert_int_equal(stat(*last, &info), 0);
        assert_int_equal(truncate(*last, info.st_size / parts), 0);
        n++;
    }
    closedir(dir);
    free(place);
    return n;
}

/* What is read back is what was written, whatever happens to the file. */
static void test_cache(void **state)
{
    (void)state;
    static const char content[] = "a module\0of some bytes";
    nm_hash key = nm_hash_start(), other = nm_hash_start(), mark = nm_hash_start();
    size_t n;
    nm_hash_text(&key, "key");
    nm_hash_text(&other, "kex");
    nm_hash_text(&mark, "a compiler");
    /* FNV-1a of 128 bits, its authors' value for "foobar" */
    nm_hash known = nm_hash_start();
    nm_hash_bytes(&known, "foobar", 6);
    assert_true(known.high == 0x343e1662793c64bf && known.low == 0x6f0d3597ba446f18);

    assert_null(nm_cache_read(&n, &key, &mark));
    nm_cache_write(&key, &mark, content, sizeof content);
    char *back = nm_cache_read(&n, &key, &mark);
    assert_non_null(back);
    assert_int_equal(n, sizeof content);
    assert_memory_equal(back, content, n);
    free(back);
    assert_null(nm_cache_read(&n, &other, &mark));
    /* of another compiler, or of any */
    assert_null(nm_cache_read(&n, &key, &other));
    assert_null(nm_cache_read(&n, &other, NULL));
    back = nm_cache_read(&n, &key, NULL);
    assert_non_null(back);
    assert_memory_equal(back, content, sizeof content);
    free(back);

    char *path, *file;
    size_t n_file;
    assert_int_equal(cut_cache(&path, 1), 1);
    assert_int_equal(nm_file_read(&file, &n_file, path), NM_OK);
    for (size_t i = 0; i < n_file; i++) { /* each byte damaged, each length torn */
        file[i] ^= 0x10;
        assert_int_equal(nm_file_replace(path, file, n_file), NM_OK);
        assert_null(nm_cache_read(&n, &key, &mark));
        file[i] ^= 0x10;
        assert_int_equal(nm_file_replace(path, file, i), NM_OK);
        assert_null(nm_cache_read(&n, &key, &mark));
    }
    nm_cache_write(&key, &mark, content, sizeof content);
    back = nm_cache_read(&n, &key, &mark);
    assert_non_null(back);
    free(back);
    assert_int_equal(unlink(path), 0);
    free(file);
    free(path);
}

/* --- compiled --------------------------------------------------------------------------------- */

/* The image of user_model() for this choice, from where it should come. */
static nm_cuda_image image_of(int choice, int major, const char *origin)
{
    const int choices[NM_MAX_VARIANTS] = {choice};
    nm_model model = user_model();
    nm_cuda_image image;
    nm_status status = nm_cuda_image_get(&image, &model, choices, major, 0);
    if (status != NM_OK) {
        fail_msg("%s", nm_last_error());
    }
    assert_string_equal(image.origin, origin);
    free((char *)(uintptr_t)model.text);
    return image;
}

static void test_compiled_then_cached(void **state)
{
    (void)state;
    double start = seconds();
    nm_cuda_image compiled = image_of(1, 9, "compiled now");
    double compile_seconds = seconds() - start;
    check_cubin(compiled.bytes, compiled.n_bytes, 1);

    start = seconds();
    nm_cuda_image cached = image_of(1, 9, "cached");
    double read_seconds = seconds() - start;
    print_message("compiled in %.2f s, read from the cache in %.4f s (%zu bytes)\n",
                  compile_seconds, read_seconds, compiled.n_bytes);
    assert_int_equal(cached.n_bytes, compiled.n_bytes);
    assert_memory_equal(cached.bytes, compiled.bytes, compiled.n_bytes);
    assert_true(read_seconds < 0.1 * compile_seconds);
    nm_cuda_image_clear(&cached);
    nm_cuda_image_clear(&compiled);
    assert_null(compiled.bytes);
}

/* Another architecture and another choice are other modules; a damaged file is replaced. */
static void test_keys_and_damage(void **state)
{
    (void)state;
    char *path;
    nm_cuda_image second = image_of(1, FUTURE, "compiled now");
    nm_cuda_image first = image_of(0, FUTURE, "compiled now");
    assert_int_equal(((const char *)first.bytes)[first.n_bytes - 1], '\0');
    assert_non_null(strstr(first.bytes, ".entry nm_gpu_newton("));
    assert_string_not_equal(first.bytes, second.bytes);
    assert_int_equal(cut_cache(&path, 2), 3);
    free(path);
    nm_cuda_image again = image_of(0, FUTURE, "compiled now");
    assert_int_equal(again.n_bytes, first.n_bytes);
    assert_memory_equal(again.bytes, first.bytes, first.n_bytes);
    nm_cuda_image_clear(&again);
    again = image_of(0, FUTURE, "cached");
    assert_memory_equal(again.bytes, first.bytes, first.n_bytes);
    nm_cuda_image_clear(&again);
    nm_cuda_image_clear(&first);
    nm_cuda_image_clear(&second);
}

/* A user's model with the name of one that is built in is compiled, and its mistake found. */
static void test_model_with_an_error(void **state)
{
    (void)state;
    static const char *const words[] = {"driven_cycle", "k2x", "NVRTC"};
    const int choice[NM_MAX_VARIANTS] = {0};
    nm_model model = *ring();
    char *text = replaced(model.text, "mass_action(k2f, k2r)", "mass_action(k2f, k2x)");
    nm_cuda_image image = {.n_bytes = 1};
    model.text = text;
    assert_int_equal(nm_cuda_image_get(&image, &model, choice, 9, 0), NM_DEVICE);
    assert_true(!image.bytes && !image.owned && image.n_bytes == 0);
    check_sentence(words, 3);
    free(text);
}

static void test_targets(void **state)
{
    (void)state;
    static const char *const words[] = {"compute capability 3.0", "--backend cpu"};
    static const nm_source text = {"x.cu", "extern \"C\" __global__ void f(int *p) { *p = 1; }"};
    const char *options[] = {"-std=c++20"};
    char target[NM_NVRTC_TARGET];
    void *bytes;
    size_t n;
    assert_int_equal(nm_nvrtc_target(target, 8, 0), NM_OK);
    assert_string_equal(target, "sm_80");
    assert_int_equal(nm_nvrtc_target(target, 9, 0), NM_OK);
    assert_string_equal(target, "sm_90");
    assert_int_equal(nm_nvrtc_target(target, 9, 9), NM_OK);
    assert_string_equal(target, "sm_90");
    assert_int_equal(nm_nvrtc_target(target, 3, 0), NM_DEVICE);
    check_sentence(words, 2);

    /* a device of the future takes PTX, a text that ends with 0 */
    assert_int_equal(nm_nvrtc_target(target, FUTURE, 0), NM_OK);
    assert_memory_equal(target, "compute_", 8);
    assert_int_equal(nm_nvrtc_compile(&bytes, &n, "x", target, &text, NULL, 0, options, 1), NM_OK);
    assert_int_equal(((char *)bytes)[n - 1], '\0');
    assert_int_equal(strlen(bytes), n - 1);
    assert_non_null(strstr(bytes, ".entry f("));
    free(bytes);
}

static void test_line_of_an_error(void **state)
{
    (void)state;
    static const char *const words[] = {"a model does not compile: models/x.h:2: ", "wrong"};
    static const nm_source sources[] = {{"x.cu", "#include \"models/x.h\"\n"},
                                        {"models/x.h", "\nint x = wrong;\nint y = wrong2;\n"}};
    static const char *const options[] = {"-default-device"};
    void *bytes;
    size_t n;
    assert_int_equal(
        nm_nvrtc_compile(&bytes, &n, "a model", "sm_90", &sources[0], &sources[1], 1, options, 1),
        NM_DEVICE);
    assert_null(bytes);
    check_sentence(words, 2);
    assert_null(strstr(nm_last_error(), "wrong2"));
}

/* --- other machines: this program again, in another environment ------------------------------- */

/* Runs the test named `part` in a process of its own. */
static void run_again(const char *part, const char *const (*environment)[2], int n)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (int i = 0; i < n; i++) {
            if (environment[i][1]) {
                setenv(environment[i][0], environment[i][1], 1);
            } else {
                unsetenv(environment[i][0]);
            }
        }
        execl("/proc/self/exe", "test_cuda_image", part, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_no_nvrtc(void **state)
{
    (void)state;
    static const char *const words[] = {"NVRTC", "not found", "CUDA_HOME", "--backend cpu"};
    nm_cuda_image image;
    const int choice[NM_MAX_VARIANTS] = {1};
    nm_model model = user_model();
    assert_int_equal(nm_cuda_image_get(&image, &model, choice, 9, 0), NM_DEVICE);
    assert_null(image.bytes);
    check_sentence(words, 4);
    free((char *)(uintptr_t)model.text);
    test_built_in(state); /* needs none */

    /* no default choices; an old device */
    int n_models;
    const nm_model *const *models = nm_model_list(&n_models);
    for (int i = 0; i < n_models; i++) {
        for (int v = 0; v < models[i]->n_variants; v++) {
            int other[NM_MAX_VARIANTS] = {0};
            other[v] = 1;
            assert_int_equal(nm_cuda_image_get(&image, models[i], other, 9, 0), NM_DEVICE);
        }
        const int defaults[NM_MAX_VARIANTS] = {0};
        assert_int_equal(nm_cuda_image_get(&image, models[i], defaults, 7, 5), NM_DEVICE);
    }
}

/* Files that are no libraries stand before the real one. */
static void test_without_nvrtc(void **state)
{
    (void)state;
    static const char *const names[] = {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"};
    char *hidden = nm_file_format("%s/hidden", folder);
    assert_int_equal(mkdir(hidden, 0700), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = nm_file_format("%s/%s", hidden, names[i]);
        write_text(path, "no library\n");
        free(path);
    }
    const char *const environment[][2] = {{"LD_LIBRARY_PATH", hidden},
                                          {"CUDA_HOME", hidden},
                                          {"CUDA_PATH", NULL},
                                          {"VIRTUAL_ENV", NULL},
                                          {"CONDA_PREFIX", NULL}};
    run_again("no-nvrtc", environment, 5);
    free(hidden);
}

static void test_spoilt(void **state)
{
    (void)state;
    const nm_nvrtc *nvrtc;
    assert_int_equal(nm_nvrtc_get(&nvrtc), NM_OK);
    assert_non_null(nvrtc->curand);
    assert_non_null(strstr(nvrtc->curand, "/spoilt"));
    nm_cuda_image image = image_of(0, FUTURE, "compiled now");
    assert_non_null(strstr(image.bytes, ".entry nm_gpu_newton("));
    nm_cuda_image_clear(&image);
}

/* Headers of cuRAND that do not compile, a cache that cannot be written: kernels all the same. */
static void test_with_little(void **state)
{
    (void)state;
    const char *home = getenv("CUDA_HOME");
    char *spoilt = nm_file_format("%s/spoilt", folder);
    char *include = nm_file_format("%s/include", spoilt);
    char *header = nm_file_format("%s/curand_philox4x32_x.h", include);
    char *file = nm_file_format("%s/no_folder", folder);
    assert_int_equal(mkdir(spoilt, 0700), 0);
    assert_int_equal(mkdir(include, 0700), 0);
    write_text(header, "#error these headers belong to another CUDA\n");
    write_text(file, "");
    const char *const environment[][2] = {
        {"CUDA_HOME", spoilt},
        {"CUDA_PATH", home ? home : "/usr/local/cuda"}, /* where the library may be */
        {"XDG_CACHE_HOME", file}};
    run_again("spoilt", environment, 3);
    free(file);
    free(header);
    free(include);
    free(spoilt);
}

static int remove_folder(void **state)
{
    (void)state;
    char *command = nm_file_format("rm -rf '%s'", folder);
    int result = system(command);
    free(command);
    return result;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        const struct CMUnitTest no_nvrtc[] = {cmocka_unit_test(test_no_nvrtc)};
        const struct CMUnitTest spoilt[] = {cmocka_unit_test(test_spoilt)};
        return strcmp(argv[1], "spoilt") == 0 ? cmocka_run_group_tests(spoilt, NULL, NULL)
                                              : cmocka_run_group_tests(no_nvrtc, NULL, NULL);
    }
    if (!mkdtemp(folder) || !(cache = nm_file_format("%s/cache", folder))) {
        return 1;
    }
    setenv("XDG_CACHE_HOME", cache, 1);
    const nm_nvrtc *nvrtc;
    int has_nvrtc = nm_nvrtc_get(&nvrtc) == NM_OK;
    const struct CMUnitTest everywhere[] = {
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_without_nvrtc),
    };
    const struct CMUnitTest with_nvrtc[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_line_of_an_error),
        cmocka_unit_test(test_model_with_an_error),
        cmocka_unit_test(test_compiled_then_cached),
        cmocka_unit_test(test_keys_and_damage),
        cmocka_unit_test(test_with_little),
    };
    int n_failed = cmocka_run_group_tests(everywhere, NULL, NULL);
    if (has_nvrtc) {
        n_failed += cmocka_run_group_tests(with_nvrtc, NULL, NULL);
    }
    remove_folder(NULL);
    free(cache);
    if (n_failed == 0 && !has_nvrtc) {
        printf("not run: compiling modules for a GPU (libnvrtc was not found)\n");
        return 77;
    }
    return n_failed > 0;
}
