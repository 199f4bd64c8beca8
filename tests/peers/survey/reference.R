# Makes sample.csv, replicates.csv and reference.csv: what R's survey package (Debian's r-cran-survey) says of a
# made-up sample under many designs. src/survey/peers_test.c holds our figures to them, so the suite needs no R.
#
# usage: cd tests/peers/survey && Rscript reference.R
suppressMessages(library(survey))
set.seed(20240510)
options(digits = 17)

# 6 strata of 4 to 7 PSUs, 2 to 5 SSUs each, 1 to 5 rows each.
rows <- list()
for (stratum in 1:6) {
  psus <- sample(4:7, 1)
  for (psu in seq_len(psus)) {
    level <- rnorm(1)
    ssus <- sample(2:5, 1)
    for (ssu in seq_len(ssus)) {
      n <- sample(1:5, 1)
      rows[[length(rows) + 1]] <- data.frame(
        stratum = stratum, psu = 100 * stratum + psu, ssu = 10000 * stratum + 100 * psu + ssu,
        n1 = psus * 3 + stratum, n2 = ssus + psu, w = round(exp(rnorm(n, 1, 0.5)), 4),
        g = sample(0:2, n, TRUE), k = sample(0:3, n, TRUE, c(.4, .3, .2, .1)),
        y = round(5 + 2 * level + rnorm(n), 6), x = round(3 + abs(level) + runif(n), 6))
    }
  }
}
s <- do.call(rbind, rows)
s$u <- as.integer(runif(nrow(s)) < 0.2 + 0.2 * s$g)
s$y[sample(nrow(s), 25)] <- NA
s$lone <- s$stratum
s$lone[s$psu == 101] <- 9            # a stratum of its own
s$f1 <- ave(s$psu, s$stratum, FUN = function(v) length(unique(v))) / s$n1
s$rows_in <- ave(s$w, s$stratum, FUN = length) * 4
s <- s[sample(nrow(s)), ]            # no order to lean on
write.csv(s, "sample.csv", row.names = FALSE, quote = FALSE, na = "")

designs <- list(
  srs = svydesign(~1, weights = ~w, data = s),
  stratified = svydesign(~1, strata = ~stratum, weights = ~w, data = s),
  stratified_fpc = svydesign(~1, strata = ~stratum, fpc = ~rows_in, weights = ~w, data = s),
  clustered = svydesign(~psu, weights = ~w, data = s),
  stratified_clustered = svydesign(~psu, strata = ~stratum, weights = ~w, data = s),
  clustered_fpc = svydesign(~psu, strata = ~stratum, fpc = ~n1, weights = ~w, data = s),
  clustered_fraction = svydesign(~psu, strata = ~stratum, fpc = ~f1, weights = ~w, data = s),
  two_stage = svydesign(~psu + ssu, strata = ~stratum, fpc = ~n1 + n2, weights = ~w, data = s),
  lonely_certainty = svydesign(~psu, strata = ~lone, weights = ~w, data = s),
  lonely_adjust = svydesign(~psu, strata = ~lone, weights = ~w, data = s),
  lonely_average = svydesign(~psu, strata = ~lone, weights = ~w, data = s))
base <- designs$stratified_clustered
replicated <- list(
  jk1 = as.svrepdesign(designs$clustered, type = "JK1"),
  jkn = as.svrepdesign(base, type = "JKn"),
  jkn_fpc = as.svrepdesign(designs$clustered_fpc, type = "JKn"),
  jkn_mse = as.svrepdesign(base, type = "JKn", mse = TRUE),
  brr = as.svrepdesign(base, type = "BRR", small = "merge", large = "merge"),
  fay = as.svrepdesign(base, type = "Fay", fay.rho = 0.3, small = "merge", large = "merge"),
  bootstrap = as.svrepdesign(base, type = "bootstrap", replicates = 20),
  subbootstrap = as.svrepdesign(base, type = "subbootstrap", replicates = 20))

out <- list()
say <- function(design, what, i, j, value)
  out[[length(out) + 1]] <<- data.frame(design = design, what = what, i = i, j = j,
                                        value = sprintf("%.17g", as.numeric(value)))
matrix_out <- function(name, what, v) {
  v <- as.matrix(v)
  for (i in seq_len(nrow(v))) for (j in seq_len(i)) say(name, what, i - 1, j - 1, v[i, j])
}

for (name in c(names(designs), names(replicated))) {
  options(survey.lonely.psu = if (startsWith(name, "lonely_")) sub("lonely_", "", name) else "fail")
  is_replicated <- name %in% names(replicated)
  d <- if (is_replicated) replicated[[name]] else designs[[name]]
  known <- subset(d, !is.na(y))
  for (what in c("mean", "total")) {
    e <- svyby(~y, ~g, known, if (what == "mean") svymean else svytotal, covmat = TRUE)
    for (i in 0:2) say(name, what, i, 0, coef(e)[i + 1])
    matrix_out(name, paste0(what, "_cov"), vcov(e))
  }
  for (i in 0:2) {
    group <- subset(known, g == i)
    r <- svyratio(~y, ~x, group)
    say(name, "ratio", i, 0, coef(r))
    say(name, "ratio_cov", i, i, vcov(r))
    p <- svymean(~factor(k, levels = 0:3), subset(d, g == i))
    for (c in 0:3) say(name, "share", i, c, coef(p)[c + 1])
    matrix_out(name, paste0("share_cov", i), vcov(p))
    say(name, "df", i, 0, degf(if (is_replicated) d else group))
  }
  if (!is_replicated) {
    for (i in 0:2)
      say(name, "deff", i, 0, deff(svymean(~y, subset(known, g == i), deff = "replace")))
    for (i in 0:2) for (method in c("xlogit", "beta", "mean")) {
      p <- svyciprop(~u, subset(d, g == i), method = method)
      say(name, if (method == "mean") "mean_ci" else method, i, 0, attr(p, "ci")[1])
      say(name, if (method == "mean") "mean_ci" else method, i, 1, attr(p, "ci")[2])
    }
    for (i in 0:2) for (q in c(25, 50, 75, 90)) {
      v <- svyquantile(~y, subset(known, g == i), q / 100)$y
      say(name, "quantile", i, q, v[1, "quantile"])
      say(name, "quantile_se", i, q, v[1, "se"])
    }
  }
  if (!startsWith(name, "lonely_")) {
    test <- svychisq(~g + k, d, statistic = "F")
    say(name, "rao_scott_f", 0, 0, test$statistic)
    say(name, "rao_scott_df", 0, 0, test$parameter[1])
    say(name, "rao_scott_df", 1, 0, test$parameter[2])
    say(name, "rao_scott_p", 0, 0, test$p.value)
  }
}
for (p in c(1e-12, 0.001, 0.025, 0.3, 0.5, 0.9, 0.975)) {
  say("normal", "quantile", p, 0, qnorm(p))
  for (df in c(1, 2.5, 12, 99, 1287)) say("t", "quantile", p, df, qt(p, df))
}
for (df in c(1, 3, 30.5, 1287)) for (t in c(1e-3, 0.7, 2, 9)) say("t", "two_sided", t, df, 2 * pt(-t, df))
for (a in c(0.5, 3, 40.25, 5000)) for (p in c(0.001, 0.025, 0.4, 0.975)) {
  say("beta", a, p, 7.5, qbeta(p, a, 7.5))
  say("beta", a, p, 1200, qbeta(p, a, 1200))
}
for (df in c(1.2, 5, 36)) for (f in c(0.1, 1, 4)) say("f", f, df, 250.5, pf(f, df, 250.5, lower.tail = FALSE))

out <- do.call(rbind, out)
write.csv(out, "reference.csv", row.names = FALSE, quote = FALSE)
lines <- list()
for (name in names(replicated)) {
  d <- replicated[[name]]
  w <- weights(d, "analysis")
  for (r in seq_len(ncol(w)))
    lines[[length(lines) + 1]] <- paste(c(name, sprintf("%.17g", c(d$scale, d$rscales[r])), as.integer(isTRUE(d$mse)),
                                          degf(d), sprintf("%.17g", w[, r])), collapse = ",")
}
writeLines(unlist(lines), "replicates.csv")
