/* Distribution functions and quantiles that intervals and tests need, to a relative error of about 1e-12. */
#ifndef JB_BASE_DISTRIBUTION_H
#define JB_BASE_DISTRIBUTION_H

/* Quantile of the standard normal; probability in (0, 1). */
double jb_normal_quantile(double probability);

/* Regularised incomplete beta function I_x(a, b), a and b > 0, x in [0, 1]. */
double jb_beta_probability(double x, double a, double b);
/* The x with I_x(a, b) = probability; a and b > 0 (b or a 0: the distribution's end), probability in [0, 1].
 */
double jb_beta_quantile(double probability, double a, double b);

/* Quantile of Student's t with df > 0 degrees of freedom (INFINITY: the normal); probability in (0, 1). */
double jb_t_quantile(double probability, double df);
/* P(|T| > |t|). */
double jb_t_two_sided(double t, double df);
/* P(F > f) with df1 and df2 degrees of freedom, both finite and > 0. */
double jb_f_upper(double f, double df1, double df2);

#endif
