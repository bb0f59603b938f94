/* dynamic.c -- see dynamic.h. */
#include "tensor/dynamic.h"

/* Boundary i of [0.1, 1] cut into `parts`, counted from the nearer end so that both are exact. */
static float boundary(int i, int parts)
{
    float step = (1.0f - 0.1f) / (float)parts;
    return i < (parts + 1) / 2 ? 0.1f + step * (float)i : 1.0f - step * (float)(parts - i);
}

void dynamic_map(float map[256])
{
    static const float decade[7] = {1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1.0f};
    const int zero = 127;
    int k = 1;
    for (int e = 0; e < 7; e++) {
        const int parts = 1 << e;
        for (int i = 0; i < parts; i++, k++) {
            float middle = (boundary(i, parts) + boundary(i + 1, parts)) / 2;
            map[zero + k] = decade[e] * middle;
            map[zero - k] = -map[zero + k];
        }
    }
    map[zero] = 0;
    map[255] = 1;
}

uint8_t dynamic_code(const float map[256], float v)
{
    int code = 0; /* the number of midpoints below v, found bit by bit */
    for (int half = 128; half; half /= 2) {
        float middle = (map[code + half - 1] + map[code + half]) / 2;
        code += v > middle ? half : 0;
    }
    return (uint8_t)code;
}
