/* Looks for a module of kernels: built in, cached, compiled now. */
#include "cuda_image.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "cuda_nvrtc.h"
#include "embedded.h"
#include "files.h"

/* What nvcc is given too (CMakeLists.txt, part 4). NVRTC takes a generic lambda for a host
 * function, even within a device function: hence -default-device. */
static const char *const fixed_options[] = {"-std=c++20", "-fmad=false", "-default-device",
                                            "-DNM_LANES=1"};
enum {
    N_FIXED = sizeof fixed_options / sizeof fixed_options[0],
    MOST_OPTIONS = N_FIXED + 5,
    NAME_BYTES = 256 /* of an option that holds a model's name */
};

/* One compilation: texts and options. */
typedef struct job {
    const nm_model *model;
    char model_file[NAME_BYTES], file_option[NAME_BYTES + 32], name_option[NAME_BYTES];
    char choice_option[32];
    char *curand_option; /* allocated, or NULL */
    const char *options[MOST_OPTIONS];
    int n_options;
    int n_sources; /* the first is compiled, the others may be included */
    nm_source *sources;
} job;

/* --- built in ------------------------------------------------------------------------------- */

static int find_builtin(nm_cuda_image *image, const nm_model *model, const int *choice, int major)
{
    int n;
    const nm_cuda_builtin *builtins = nm_cuda_builtins(&n);
    for (int v = 0; v < model->n_variants; v++) {
        if (choice[v] != 0) {
            return 0;
        }
    }
    for (int i = 0; i < n && major >= NM_CUDA_BUILTIN_MAJOR; i++) {
        /* a user's model may have the name of one of ours */
        if (strcmp(builtins[i].model, model->name) == 0 && model->text &&
            strcmp(builtins[i].text, model->text) == 0) {
            image->bytes = builtins[i].bytes;
            image->n_bytes = (size_t)(builtins[i].end - builtins[i].bytes);
            image->origin = "built in";
            return 1;
        }
    }
    return 0;
}

/* --- compiled ------------------------------------------------------------------------------- */

static void end_job(job *j)
{
    free(j->curand_option);
    free(j->sources);
}

/* Four bits for each variant, the first lowest (include/nessmap/model.h). */
static unsigned pack(const nm_model *model, const int *choice)
{
    unsigned chosen = 0;
    for (int v = 0; v < model->n_variants; v++) {
        chosen |= (unsigned)choice[v] << 4 * v;
    }
    return chosen;
}

/* All but what depends on NVRTC. */
static nm_status begin_job(job *j, const nm_model *model, const int *choice)
{
    memset(j, 0, sizeof *j);
    j->model = model;
    if (!model->text) {
        return nm_fail(NM_DEVICE,
                       "CUDA: model %s was compiled without its text, from which the GPU's kernels "
                       "are made",
                       model->name);
    }
    int n = snprintf(j->model_file, sizeof j->model_file, "models/%s.c", model->name);
    snprintf(j->file_option, sizeof j->file_option, "-DNM_MODEL_FILE=\"%s\"", j->model_file);
    int m = snprintf(j->name_option, sizeof j->name_option, "-DNM_MODEL=%s", model->name);
    if (n >= (int)sizeof j->model_file || m >= (int)sizeof j->name_option) {
        return nm_fail(NM_DEVICE, "CUDA: the name of model %.40s... is too long", model->name);
    }
    snprintf(j->choice_option, sizeof j->choice_option, "-DNM_CHOSEN=0x%x", pack(model, choice));
    for (int i = 0; i < N_FIXED; i++) {
        j->options[j->n_options++] = fixed_options[i];
    }
    j->options[j->n_options++] = j->file_option;
    j->options[j->n_options++] = j->name_option;
    j->options[j->n_options++] = j->choice_option;

    int n_texts;
    const nm_source *texts = nm_gpu_sources(&n_texts);
    j->n_sources = n_texts + 1;
    j->sources = malloc((size_t)j->n_sources * sizeof *j->sources);
    if (!j->sources) {
        return nm_fail(NM_MEMORY, "out of memory for the sources of a module");
    }
    memcpy(j->sources, texts, (size_t)n_texts * sizeof *texts);
    j->sources[n_texts] = (nm_source){j->model_file, model->text};
    return NM_OK;
}

/* Everything that decides about the code but the compiler. */
static nm_hash key_of(const job *j, const char *target)
{
    nm_hash key = nm_hash_start();
    nm_hash_text(&key, target);
    for (int i = 0; i < j->n_options; i++) {
        nm_hash_text(&key, j->options[i]);
    }
    nm_hash_text(&key, "sources"); /* ends the list of options */
    for (int i = 0; i < j->n_sources; i++) {
        nm_hash_text(&key, j->sources[i].name);
        nm_hash_text(&key, j->sources[i].text);
    }
    return key;
}

static nm_hash mark_of(const nm_nvrtc *nvrtc)
{
    nm_hash mark = nm_hash_start();
    nm_hash_bytes(&mark, &nvrtc->major, sizeof nvrtc->major);
    nm_hash_bytes(&mark, &nvrtc->minor, sizeof nvrtc->minor);
    nm_hash_text(&mark, nvrtc->curand ? nvrtc->curand : "");
    return mark;
}

static nm_status add_curand(job *j, const nm_nvrtc *nvrtc)
{
    if (nvrtc->curand) {
        j->curand_option = nm_file_format("-I%s", nvrtc->curand);
        if (!j->curand_option) {
            return nm_fail(NM_MEMORY, "out of memory for the options of a module");
        }
        j->options[j->n_options++] = j->curand_option;
        j->options[j->n_options++] = "-DNM_CURAND=1";
    }
    return NM_OK;
}

static nm_status compile(nm_cuda_image *image, const job *j, const char *target)
{
    char what[NAME_BYTES + 32];
    snprintf(what, sizeof what, "model %s for the GPU", j->model->name);
    nm_status status =
        nm_nvrtc_compile(&image->owned, &image->n_bytes, what, target, &j->sources[0],
                         &j->sources[1], j->n_sources - 1, j->options, j->n_options);
    /* headers of another CUDA may not compile; the kernels' own Philox has the same bits */
    if (status == NM_DEVICE && j->curand_option && strstr(nm_last_error(), j->curand_option + 2)) {
        status = nm_nvrtc_compile(&image->owned, &image->n_bytes, what, target, &j->sources[0],
                                  &j->sources[1], j->n_sources - 1, j->options, j->n_options - 2);
    }
    return status;
}

/* kept: the file of the cache, allocated, or NULL where it is not asked for. */
static nm_status find_or_compile(nm_cuda_image *image, char **kept, job *j, const nm_nvrtc *nvrtc,
                                 int major, int minor)
{
    char target[NM_NVRTC_TARGET];
    NM_TRY(nm_nvrtc_target(target, major, minor));
    nm_hash key = key_of(j, target), mark = mark_of(nvrtc);
    image->owned = nm_cache_read(&image->n_bytes, &key, &mark);
    image->origin = "cached";
    if (!image->owned) {
        nm_say("compiling the kernels of model %s for this GPU and these variants: up to a minute, "
               "and kept for the next run",
               j->model->name);
        NM_TRY(add_curand(j, nvrtc));
        NM_TRY(compile(image, j, target));
        image->origin = "compiled now";
        nm_cache_write(&key, &mark, image->owned, image->n_bytes);
    }
    image->bytes = image->owned;
    if (kept) {
        *kept = nm_cache_path(&key, &mark);
    }
    return NM_OK;
}

/* On a node of a cluster there may be no NVRTC: what another machine compiled for this device, or
 * for an earlier one of its generation. returns 1 where there is one. */
static int look_without_nvrtc(nm_cuda_image *image, const job *j, int major, int minor)
{
    for (; minor >= 0 && !image->owned; minor--) {
        char target[NM_NVRTC_TARGET];
        snprintf(target, sizeof target, "sm_%d", 10 * major + minor);
        nm_hash key = key_of(j, target);
        image->owned = nm_cache_read(&image->n_bytes, &key, NULL);
    }
    image->bytes = image->owned;
    image->origin = "cached";
    return image->owned != NULL;
}

static nm_status get_own(nm_cuda_image *image, char **kept, const nm_model *model,
                         const int *choice, int major, int minor)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    const nm_nvrtc *nvrtc;
    job j;
    memset(image, 0, sizeof *image);
    NM_TRY(begin_job(&j, model, choice));
    pthread_mutex_lock(&one_at_a_time);
    nm_status status = nm_nvrtc_get(&nvrtc);
    if (status == NM_OK) {
        status = find_or_compile(image, kept, &j, nvrtc, major, minor);
    } else if (!kept && look_without_nvrtc(image, &j, major, minor)) {
        status = NM_OK;
    }
    pthread_mutex_unlock(&one_at_a_time);
    end_job(&j);
    if (status != NM_OK) {
        nm_cuda_image_clear(image);
    }
    return status;
}

nm_status nm_cuda_image_get_own(nm_cuda_image *image, const nm_model *model, const int *choice,
                                int major, int minor)
{
    return get_own(image, NULL, model, choice, major, minor);
}

nm_status nm_cuda_image_ahead(char **kept, const nm_model *model, const int *choice, int major,
                              int minor)
{
    nm_cuda_image image;
    char *folder;
    *kept = NULL;
    NM_TRY(nm_cache_open(&folder));
    free(folder);
    NM_TRY(get_own(&image, kept, model, choice, major, minor));
    nm_cuda_image_clear(&image);
    if (!*kept || access(*kept, R_OK) != 0) {
        nm_status status =
            nm_fail(NM_IO, "the kernels of model %s for the GPU cannot be kept%s%s", model->name,
                    *kept ? ": this file cannot be written: " : "", *kept ? *kept : "");
        free(*kept);
        *kept = NULL;
        return status;
    }
    return NM_OK;
}

nm_status nm_cuda_image_get(nm_cuda_image *image, const nm_model *model, const int *choice,
                            int major, int minor)
{
    memset(image, 0, sizeof *image);
    if (find_builtin(image, model, choice, major)) {
        return NM_OK;
    }
    return nm_cuda_image_get_own(image, model, choice, major, minor);
}

void nm_cuda_image_describe(FILE *stream)
{
    const nm_nvrtc *nvrtc;
    int n;
    nm_cuda_builtins(&n);
    if (n > 0) {
        fprintf(stream,
                "                 kernels: %d models built in for compute capability %d.0 and "
                "later; other models and choices by NVRTC\n",
                n, NM_CUDA_BUILTIN_MAJOR);
    } else {
        fprintf(stream, "                 kernels: none built in, all by NVRTC\n");
    }
    if (nm_nvrtc_get(&nvrtc) != NM_OK) {
        fprintf(stream, "                 %s\n", nm_last_error());
        return;
    }
    char *folder = nm_cache_folder();
    fprintf(stream, "                 NVRTC %d.%d, cuRAND's headers %s, its modules kept in %s\n",
            nvrtc->major, nvrtc->minor, nvrtc->curand ? nvrtc->curand : "not found",
            folder ? folder : "no folder: neither XDG_CACHE_HOME nor HOME is set");
    free(folder);
}

void nm_cuda_image_clear(nm_cuda_image *image)
{
    free(image->owned);
    memset(image, 0, sizeof *image);
}
