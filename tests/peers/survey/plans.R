# Makes plans/*.ini, replicated.csv and plans.csv: what R's survey package says of sample.csv under plans as users write
# them: calibrated, post-stratified, raked, trimmed; replicate weights made and in columns. src/survey/plans_test.c holds
# `index tabulate` to them, so the suite needs no R.
#
# usage: cd tests/peers/survey && Rscript plans.R      (after reference.R, which makes sample.csv)
suppressMessages(library(survey))
set.seed(20261124)
options(digits = 17, survey.lonely.psu = "fail", warn = 1)
s <- read.csv("sample.csv")
s$g <- factor(s$g); s$k <- factor(s$k)
s$has_y <- !is.na(s$y)
s$y[!s$has_y] <- 0                   # in the variance of calibrated designs R wants numbers even where nobody is
for (i in 0:2) {                     # means as ratios of totals, whose covariance R gives for every design
  s[[paste0("below", i)]] <- as.integer(s$g == i & s$has_y)
  s[[paste0("above", i)]] <- ifelse(s[[paste0("below", i)]] == 1, s$y, 0)
}
dir.create("plans", showWarnings = FALSE)

# What is known of the population: margins that the sample misses by some per cent.
size <- 1500
g_counts <- round(size * c(0.30, 0.38, 0.32))
k_counts <- round(size * c(0.36, 0.33, 0.20, 0.11))
cross <- round(tapply(s$w, list(s$g, s$k), sum) * 1.1 * matrix(runif(12, 0.9, 1.1), 3), 2)
x_total <- 1.04 * size * weighted.mean(s$x, s$w)
pop_g <- data.frame(g = levels(s$g), Freq = g_counts)
pop_k <- data.frame(k = levels(s$k), Freq = k_counts)
pop_gk <- as.data.frame(as.table(cross)); names(pop_gk) <- c("g", "k", "Freq")
pop_model <- c(`(Intercept)` = sum(g_counts), g1 = g_counts[2], g2 = g_counts[3],
               k1 = k_counts[2], k2 = k_counts[3], k3 = k_counts[4], x = x_total)
lines_of <- function(d, columns) paste(do.call(paste, c(lapply(columns, function(c) as.character(d[[c]])), sep = " | ")),
                                       "=", sprintf("%.17g", d$Freq))
target_g <- c("[target g]", lines_of(pop_g, "g"))
target_k <- c("[target k]", lines_of(pop_k, "k"))
target_gk <- c("[target gk]", "columns = g, k", lines_of(pop_gk, c("g", "k")))
target_x <- c("[target x]", sprintf("total = %.17g", x_total))

base <- list(
  stratified = list(svydesign(~1, strata = ~stratum, weights = ~w, data = s), "strata = stratum"),
  stratified_fpc = list(svydesign(~1, strata = ~stratum, fpc = ~rows_in, weights = ~w, data = s),
                        c("strata = stratum", "population = rows_in")),
  clustered = list(svydesign(~psu, strata = ~stratum, weights = ~w, data = s),
                   c("strata = stratum", "clusters = psu")),
  two_stage = list(svydesign(~psu + ssu, strata = ~stratum, fpc = ~n1 + n2, weights = ~w, data = s),
                   c("strata = stratum", "clusters = psu, ssu", "population = n1, n2")),
  unstratified = list(svydesign(~psu, weights = ~w, data = s), "clusters = psu"))

for (lonely in c("certainty", "adjust", "average"))
  base[[paste0("lonely_", lonely)]] <- list(svydesign(~psu, strata = ~lone, weights = ~w, data = s),
                                            c("strata = lone", "clusters = psu", paste("lonely =", lonely)))
s$cell <- ifelse(seq_len(nrow(s)) == 5, 99, s$stratum)   # a stratum of a single row
base$lonely_row <- list(svydesign(~1, strata = ~cell, weights = ~w, data = s), c("strata = cell", "lonely = adjust"),
                        "replicated.csv")

rep_jk1 <- as.svrepdesign(base$unstratified[[1]], type = "JK1")
rep_jkn <- as.svrepdesign(base$clustered[[1]], type = "JKn")
rep_jkn_fpc <- as.svrepdesign(base$two_stage[[1]], type = "JKn")
base$jk1 <- list(rep_jk1, c("clusters = psu", "[replicates]", "type = JK1"))
base$jkn <- list(rep_jkn, c(base$clustered[[2]], "[replicates]", "type = JKn"))
base$jkn_fpc <- list(rep_jkn_fpc, c("strata = stratum", "clusters = psu", "population = n1", "[replicates]", "type = JKn"))

# Replicates in columns: whole weights, and factors.
columns <- list()
in_columns <- function(name, d, type, more, combined = TRUE) {
  w <- weights(d, if (combined) "analysis" else "replication")
  w <- as.matrix(w)
  if (!combined) w <- as.matrix(d$repweights)
  colnames(w) <- sprintf("%s%02d", name, seq_len(ncol(w)))
  columns[[name]] <<- w
  base[[paste0("columns_", name)]] <<- list(d, c("[replicates]", paste("type =", type),
    sprintf("weights = %s01..%s%02d", name, name, ncol(w)), more, if (!combined) "combined = no"), "replicated.csv")
}
in_columns("jkw", rep_jkn, "JKn", paste("scales =", paste(sprintf("%.17g", rep_jkn$rscales), collapse = ", ")))
brr <- as.svrepdesign(base$clustered[[1]], type = "BRR", small = "merge", large = "merge")
fay <- as.svrepdesign(base$clustered[[1]], type = "Fay", fay.rho = 0.3, small = "merge", large = "merge")
boot <- as.svrepdesign(base$clustered[[1]], type = "subbootstrap", replicates = 30)
mse <- as.svrepdesign(base$clustered[[1]], type = "Fay", fay.rho = 0.3, small = "merge", large = "merge", mse = TRUE)
in_columns("brr", brr, "BRR", character())
in_columns("fay", fay, "Fay", "rho = 0.3", combined = FALSE)
in_columns("boot", boot, "bootstrap", character())
in_columns("mse", mse, "other", c(sprintf("scale = %.17g", mse$scale), "around = estimate"))
replicated <- cbind(read.csv("sample.csv"), cell = s$cell, do.call(cbind, columns))
con <- file("replicated.csv", "w")
writeLines(paste(names(replicated), collapse = ","), con)
writeLines(do.call(paste, c(lapply(replicated, function(v) ifelse(is.na(v), "", sprintf("%.17g", v))), sep = ",")), con)
close(con)

methods <- list(
  none = list(function(d) d, character()),
  post_g = list(function(d) postStratify(d, ~g, pop_g), c("[calibration]", "method = poststratify", target_g)),
  post_gk = list(function(d) postStratify(d, ~g + k, pop_gk), c("[calibration]", "method = poststratify", target_gk)),
  rake = list(function(d) rake(d, list(~g, ~k), list(pop_g, pop_k), control = list(maxit = 200, epsilon = 1e-13)),
              c("[calibration]", "method = rake", "tolerance = 1e-13", target_g, target_k)),
  linear = list(function(d) calibrate(d, ~g + k + x, pop_model, calfun = "linear"),
                c("[calibration]", "method = linear", target_g, target_k, target_x)),
  linear_bounded = list(function(d) calibrate(d, ~g + k + x, pop_model, calfun = "linear", bounds = c(0.5, 1.7)),
                        c("[calibration]", "method = linear", "low = 0.5", "high = 1.7", target_g, target_k, target_x)),
  raking = list(function(d) calibrate(d, ~g + k + x, pop_model, calfun = "raking"),
                c("[calibration]", "method = raking", target_g, target_k, target_x)),
  logit = list(function(d) calibrate(d, ~g + k + x, pop_model, calfun = "logit", bounds = c(0.4, 2)),
               c("[calibration]", "method = logit", "low = 0.4", "high = 2", target_g, target_k, target_x)),
  trimmed = list(function(d) trimWeights(rake(d, list(~g, ~k), list(pop_g, pop_k),
                                              control = list(maxit = 200, epsilon = 1e-13)), upper = 8, lower = 1.5),
                 c("[calibration]", "method = rake", "tolerance = 1e-13", "trim_low = 1.5", "trim_high = 8", target_g,
                   target_k)),
  trimmed_strict = list(function(d) trimWeights(calibrate(d, ~g + k + x, pop_model, calfun = "raking"), upper = 9,
                                                lower = 1.5, strict = TRUE),
                        c("[calibration]", "method = raking", "trim_low = 1.5", "trim_high = 9", "trim_strict = yes",
                          target_g, target_k, target_x)))

out <- list()
say <- function(plan, question, measure, answer, group, what, value)
  out[[length(out) + 1]] <<- data.frame(plan, question, measure, answer, group, what, value = sprintf("%.17g", as.numeric(value)))

describe <- function(name, d, is_replicated) {
  known <- subset(d, has_y)
  both <- function(question, measure, e, answer = "") {
    for (i in 1:3) {
      say(name, question, measure, answer, i - 1, "value", coef(e)[i])
      say(name, question, measure, answer, i - 1, "se", SE(e)[i])
    }
  }
  totals <- svytotal(~above0 + above1 + above2 + below0 + below1 + below2, d)
  for (i in 0:2) {
    e <- svymean(~y, subset(known, g == i))
    say(name, "y", "mean", "", i, "value", coef(e))
    say(name, "y", "mean", "", i, "se", SE(e))
  }
  if (!is_replicated) for (pair in list(c(0, 1), c(0, 2), c(1, 2))) {
    difference <- svycontrast(totals, parse(text = sprintf("above%d/below%d - above%d/below%d", pair[1], pair[1],
                                                           pair[2], pair[2]))[[1]])
    say(name, "y", "pair", "", paste0(pair[1], pair[2]), "value", coef(difference))
    say(name, "y", "pair", "", paste0(pair[1], pair[2]), "se", SE(difference))
  }
  both("y", "total", svyby(~y, ~g, known, svytotal))
  for (i in 0:2) {
    e <- svyratio(~y, ~x, subset(known, g == i))
    say(name, "ratio", "ratio", "", i, "value", coef(e))
    say(name, "ratio", "ratio", "", i, "se", SE(e))
  }
  both("u", "share", svyby(~u, ~g, d, svymean), "1")
  for (k in 0:3) both("k", "share", svyby(as.formula(sprintf("~I(as.integer(k == %d))", k)), ~g, d, svymean), k)
  if (!is_replicated) {
    for (i in 0:2) {
      part <- subset(known, g == i)
      say(name, "y", "mean", "", i, "deff", deff(svymean(~y, part, deff = "replace")))
      q <- svyquantile(~y, part, c(0.25, 0.5), df = degf(part))$y
      for (j in 1:2) {
        say(name, "y", c("p25", "median")[j], "", i, "value", q[j, "quantile"])
        say(name, "y", c("p25", "median")[j], "", i, "se", q[j, "se"])
      }
    }
  }
  if (!grepl("post_gk", name)) {     # there the whole table is known, and has no variance
    test <- svychisq(~g + k, d, statistic = "F")
    say(name, "k", "test", "", "", "f", test$statistic)
    say(name, "k", "test", "", "", "df1", test$parameter[1])
    say(name, "k", "test", "", "", "p", test$p.value)
  }
  w <- weights(d, "sampling")
  for (row in c(1, 7, 100, 250, nrow(s))) say(name, "", "weight", "", row, "value", w[row])
}

questions <- c("[question y]", "type = number", "show = mean, total, median, p25", "[question ratio]", "type = ratio",
               "column = y", "over = x", "[question u]", "[question k]", "[group g]")
for (design in names(base)) for (method in names(methods)) {
  is_replicated <- inherits(base[[design]][[1]], "svyrep.design")
  if (is_replicated && grepl("trimmed", method)) next   # R's trimWeights takes other ways there
  # Bounds cannot be met in every replicate; there R goes on with what it has.
  if (is_replicated && method %in% c("logit", "linear_bounded")) next
  if (grepl("columns", design) && method == "post_g") next
  if (grepl("lonely", design) && !(method %in% c("none", "rake", "linear"))) next
  options(survey.lonely.psu = if (design == "lonely_row") "adjust" else if (grepl("lonely", design))
    sub("lonely_", "", design) else "fail")
  name <- paste(design, method, sep = "-")
  d <- tryCatch(methods[[method]][[1]](base[[design]][[1]]), error = function(e) {
    message(name, ": ", conditionMessage(e)); NULL })
  if (is.null(d)) next
  data <- if (length(base[[design]]) > 2) base[[design]][[3]] else "sample.csv"
  writeLines(c("[survey]", paste0("data = ", data), "weight = w", base[[design]][[2]], methods[[method]][[2]], questions),
             file.path("plans", paste0(name, ".ini")))
  describe(name, d, is_replicated)
}
write.csv(do.call(rbind, out), "plans.csv", row.names = FALSE, quote = FALSE)
