/* embed.c -- trains an adapter and generates with it through the library.
 *
 *     cc embed.c $(pkg-config --cflags --libs --static lorac) && ./a.out model.gguf
 */
#include <lorac.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char why[LORAC_ERROR];

static lorac_job *job(const char *command, const char *const *options)
{
    lorac_job *j = lorac_job_new(command);
    for (; *options; options += 2)
        if (lorac_job_set(j, options[0], options[1], why) < 0) {
            fprintf(stderr, "embed: %s\n", why);
            exit(1);
        }
    return j;
}

static void show(void *user, const char *event, const char *value)
{
    (void)user;
    if (!strcmp(event, "text")) fputs(value, stderr);
    else fprintf(stderr, "%s %s\n", event, value);
}

static void run(lorac_job *j)
{
    if (lorac_job_run(j, show, NULL, why) < 0) {
        fprintf(stderr, "embed: %s\n", why);
        exit(1);
    }
    puts(lorac_job_result(j));
    lorac_job_free(j);
}

int main(int argc, char **argv)
{
    const char *model = argc > 1 ? argv[1] : "model.gguf", *folder = "build/embed-run";
    FILE *f = fopen("build/embed.csv", "w");
    if (!f) return perror("build/embed.csv"), 1;
    fputs("name,text\nred ball,The red ball is round.\nblue car,The blue car is fast.\ngreen hat,The green hat is big.\n", f);
    fclose(f);
    run(job("train", (const char *[]){"model", model, "data", "build/embed.csv", "prompt_template", "Describe: {name}\n",
                                      "completion_template", "{text}", "num_train_epochs", "20", "learning_rate", "5e-3",
                                      "output_dir", folder, "overwrite_output_dir", "true", NULL}));
    run(job("generate", (const char *[]){"model", model, "adapter", folder, "prompt", "Describe: red ball\n",
                                         "max_new_tokens", "24", NULL}));
    return 0;
}
