/* Distribution functions and quantiles that intervals and tests need, to a relative error of about 1e-12. */
#ifndef JB_BASE_DISTRIBUTION_H
#define JB_BASE_DISTRIBUTION_H

/* Quantile of the standard normal; probability in (0, 1). */
double jb_normal_quantile(double probability);

#define JB_NORMAL_95 1.959963984540054 /* its quantile at 0.975 */

/* 95 % interval of a value with this standard uncertainty, as that of a log-normal quantity of this relative
 * standard deviation u: value · exp(±1.96 s), s² = ln(1 + u²). What is measured and multiplied here is not
 * negative and errs by a part of itself, and such an interval holds as often when the estimate is drawn about
 * the truth as when the truth is drawn about the estimate (JCGM 101:2008, 6.4; IPCC 2006 Guidelines, vol.
 * 1, 3.2.2.4). To 10 % it is ± 1.96 u within two hundredths of the value. Of 0 it is ± 1.96 standard.
 * standard NaN: so are the ends. */
void jb_interval_95(double value, double standard, double *ret_low, double *ret_high);
/* The standard uncertainty that such an interval was made with. */
double jb_interval_95_standard(double low, double high);

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
