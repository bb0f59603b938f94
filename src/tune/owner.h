/* owner.h -- which process holds a run, told apart from every other that ever had its number.
 *
 * "BOOT/NAMESPACE/PID/START": the kernel's identifier of this boot, the namespace that the number counts
 * in, the number, and when the process started in clock ticks since the boot. */
#ifndef TUNE_OWNER_H
#define TUNE_OWNER_H

#include <stddef.h>

enum { OWNER_SIZE = 128 };

typedef enum owner_life { OWNER_ALIVE, OWNER_GONE, OWNER_ELSEWHERE } owner_life;

void owner_self(char out[OWNER_SIZE]);

/* OWNER_ELSEWHERE: of another machine or namespace, or hidden by the system, so that nothing can be told. */
owner_life owner_look(const char *owner);

#endif
