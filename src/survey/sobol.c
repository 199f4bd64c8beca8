/* Jansen's estimators of Sobol indices ("Analysis of variance designs for model output", 1999; Saltelli and
 * others, "Variance based sensitivity analysis of model output", 2010, table 2). */
#include "survey/sobol.h"

#include <math.h>

static void add_result(struct jb_sobol *sobol, double result) {
    double from = result - sobol->mean;
    sobol->count++;
    sobol->mean += from / (double)sobol->count;
    sobol->square += from * (result - sobol->mean);
}

void jb_sobol_add(struct jb_sobol *sobol, double of_a, double of_b, double of_changed) {
    add_result(sobol, of_a);
    add_result(sobol, of_b);
    sobol->first += (of_b - of_changed) * (of_b - of_changed);
    sobol->total += (of_a - of_changed) * (of_a - of_changed);
}

static double variance(const struct jb_sobol *sobol) {
    return sobol->count > 1 ? sobol->square / (double)(sobol->count - 1) : 0;
}

/* Half the mean square of what was summed, over the variance; there are half as many draws as results. */
static double part(const struct jb_sobol *sobol, double sum) {
    return variance(sobol) > 0 ? sum / (double)sobol->count / variance(sobol) : NAN;
}

double jb_sobol_first(const struct jb_sobol *sobol) {
    return 1 - part(sobol, sobol->first);
}

double jb_sobol_total(const struct jb_sobol *sobol) {
    return part(sobol, sobol->total);
}
