/* Looks for a module of kernels: built in, cached, compiled now. */
#include "cuda_image.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "embedded.h"
#include "cuda_nvrtc.h"

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
    char target[NM_NVRTC_TARGET];
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

static nm_status begin_job(job *j, const nm_model *model, const int *choice, int major, int minor)
{
    const nm_nvrtc *nvrtc;
    memset(j, 0, sizeof *j);
    j->model = model;
    if (!model->text) {
        return nm_fail(NM_DEVICE,
                       "CUDA: model %s was compiled without its text, from which the GPU's kernels "
                       "are made",
                       model->name);
    }
    NM_TRY(nm_nvrtc_get(&nvrtc));
    NM_TRY(nm_nvrtc_target(j->target, major, minor));

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
    if (j->sources && nvrtc->curand) {
        size_t bytes = strlen(nvrtc->curand) + 3;
        j->curand_option = malloc(bytes);
        if (j->curand_option) {
            snprintf(j->curand_option, bytes, "-I%s", nvrtc->curand);
            j->options[j->n_options++] = j->curand_option;
            j->options[j->n_options++] = "-DNM_CURAND=1";
        }
    }
    if (!j->sources || (nvrtc->curand && !j->curand_option)) {
        end_job(j);
        return nm_fail(NM_MEMORY, "out of memory for the sources of a module");
    }
    memcpy(j->sources, texts, (size_t)n_texts * sizeof *texts);
    j->sources[n_texts] = (nm_source){j->model_file, model->text};
    return NM_OK;
}

/* Everything that decides about the bytes. */
static nm_hash key_of(const job *j)
{
    const nm_nvrtc *nvrtc;
    nm_hash key = nm_hash_start();
    if (nm_nvrtc_get(&nvrtc) == NM_OK) {
        nm_hash_bytes(&key, &nvrtc->major, sizeof nvrtc->major);
        nm_hash_bytes(&key, &nvrtc->minor, sizeof nvrtc->minor);
    }
    nm_hash_text(&key, j->target);
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

static nm_status compile(nm_cuda_image *image, job *j)
{
    char what[NAME_BYTES + 32];
    snprintf(what, sizeof what, "model %s for the GPU", j->model->name);
    nm_status status =
        nm_nvrtc_compile(&image->owned, &image->n_bytes, what, j->target, &j->sources[0],
                         &j->sources[1], j->n_sources - 1, j->options, j->n_options);
    /* headers of another CUDA may not compile; the kernels' own Philox has the same bits */
    if (status == NM_DEVICE && j->curand_option && strstr(nm_last_error(), j->curand_option + 2)) {
        status = nm_nvrtc_compile(&image->owned, &image->n_bytes, what, j->target, &j->sources[0],
                                  &j->sources[1], j->n_sources - 1, j->options, j->n_options - 2);
    }
    return status;
}

static nm_status find_or_compile(nm_cuda_image *image, job *j)
{
    nm_hash key = key_of(j);
    image->owned = nm_cache_read(&image->n_bytes, &key);
    image->origin = "cached";
    if (!image->owned) {
        nm_say("compiling the kernels of model %s for this GPU and these variants: up to a minute, "
               "and kept for the next run",
               j->model->name);
        NM_TRY(compile(image, j));
        image->origin = "compiled now";
        nm_cache_write(&key, image->owned, image->n_bytes);
    }
    image->bytes = image->owned;
    return NM_OK;
}

nm_status nm_cuda_image_get_own(nm_cuda_image *image, const nm_model *model, const int *choice,
                                int major, int minor)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    job j;
    memset(image, 0, sizeof *image);
    NM_TRY(begin_job(&j, model, choice, major, minor));
    pthread_mutex_lock(&one_at_a_time);
    nm_status status = find_or_compile(image, &j);
    pthread_mutex_unlock(&one_at_a_time);
    end_job(&j);
    if (status != NM_OK) {
        nm_cuda_image_clear(image);
    }
    return status;
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
