# Makes score_sample.csv and score_reference.csv, score_replicated.csv, score_plans/*.ini and score_plans.csv: what R's
# survey package says of a made-up index of three pillars and five items, some of them unanswered, under several designs.
# src/survey/score_peers_test.c and score_plans_test.c hold our scores to it.
#
# usage: cd tests/peers/survey && Rscript score.R
suppressMessages(library(survey))
set.seed(20250310)
options(digits = 17)

rows <- list()
for (stratum in 1:5) for (psu in 1:6) {
  n <- sample(4:9, 1)
  level <- rnorm(1, 0, 0.4)
  rows[[length(rows) + 1]] <- data.frame(
    stratum = stratum, psu = 10 * stratum + psu, size = 20 + stratum, w = round(exp(rnorm(n, 0.5, 0.4)), 4),
    g = sample(0:1, n, TRUE), wave = sample(0:1, n, TRUE), level = level)
}
s <- do.call(rbind, rows)
n <- nrow(s)
for (j in 1:4) s[[paste0("y", j)]] <- 100 * (runif(n) < plogis(s$level + 0.3 * s$wave + (j - 2) / 3))
s$y5 <- round(pmin(100, pmax(0, 55 + 12 * s$level + rnorm(n, 0, 20))), 3)
for (j in 1:5) s[[paste0("y", j)]][sample(n, 6 * j)] <- NA
s$level <- NULL
s <- s[sample(n), ]
write.csv(s, "score_sample.csv", row.names = FALSE, quote = FALSE, na = "")

# The index: pillars of items {1}, {2, 3}, {4, 5}, with weights.
pillars <- list(P1 = c(y1 = 1), P2 = c(y2 = 0.7, y3 = 0.3), P3 = c(y4 = 0.5, y5 = 0.5))
weights <- c(P1 = 0.5, P2 = 0.3, P3 = 0.2)
item <- function(j, b) sprintf("(t%d_%d / a%d_%d)", j, b, j, b)
pillar <- function(p, b) paste0("(", paste(mapply(function(v, y) sprintf("%.17g * %s", v, item(as.integer(substr(y, 2, 2)), b)),
                                                  pillars[[p]], names(pillars[[p]])), collapse = " + "), ")")
arithmetic <- function(b) paste0("(", paste(sprintf("%.17g * %s", weights, sapply(names(weights), pillar, b = b)), collapse = " + "), ")")
geometric <- function(b) paste0("(", paste(sprintf("%s ^ %.17g", sapply(names(weights), pillar, b = b), weights), collapse = " * "), ")")

# Blocks: group × wave. Totals of y and of who answered, of each block, jointly: everything else follows by the delta method.
for (b in 0:3) for (j in 1:5) {
  y <- s[[paste0("y", j)]]
  inside <- s$g * 2 + s$wave == b & !is.na(y)
  s[[sprintf("t%d_%d", j, b)]] <- ifelse(inside, y, 0)
  s[[sprintf("a%d_%d", j, b)]] <- as.numeric(inside)
}
totals <- as.formula(paste("~", paste(outer(1:5, 0:3, function(j, b) sprintf("t%d_%d + a%d_%d", j, b, j, b)), collapse = " + ")))

base <- svydesign(~psu, strata = ~stratum, weights = ~w, data = s)
designs <- list(
  srs = svydesign(~1, weights = ~w, data = s),
  stratified = svydesign(~1, strata = ~stratum, weights = ~w, data = s),
  clustered = base,
  clustered_fpc = svydesign(~psu, strata = ~stratum, fpc = ~size, weights = ~w, data = s))

out <- list()
say <- function(design, what, block, value)
  out[[length(out) + 1]] <<- data.frame(design = design, what = what, block = block, value = sprintf("%.17g", as.numeric(value)))
contrast <- function(total, text) svycontrast(total, list(x = parse(text = text)[[1]]))
for (name in names(designs)) {
  total <- svytotal(totals, designs[[name]])
  for (b in 0:3) {
    figures <- c(item5 = item(5, b), pillar2 = pillar("P2", b), pillar3 = pillar("P3", b), arithmetic = arithmetic(b),
                 geometric = geometric(b))
    for (f in names(figures)) {
      e <- contrast(total, figures[[f]])
      say(name, f, b, coef(e))
      say(name, paste0(f, "_se"), b, SE(e))
    }
  }
  for (g in 0:1) for (f in c("arithmetic", "geometric", "pillar2")) {
    of <- switch(f, arithmetic = arithmetic, geometric = geometric, pillar2 = function(b) pillar("P2", b))
    e <- contrast(total, paste(of(2 * g + 1), "-", of(2 * g)))
    say(name, paste0(f, "_change"), g, coef(e))
    say(name, paste0(f, "_change_se"), g, SE(e))
  }
}
write.csv(do.call(rbind, out), "score_reference.csv", row.names = FALSE, quote = FALSE)

# The same index under plans as users write them: calibrated, raked, trimmed; replicate weights made and in columns.
# src/survey/score_plans_test.c holds jb_score to them. Of replicate weights R recomputes the items (ratios) in every
# replicate, and takes the delta method over their covariance for what is not linear in them.
dir.create("score_plans", showWarnings = FALSE)
s$gf <- factor(s$g); s$wf <- factor(s$wave)
size <- 1.07 * sum(s$w)
pop_g <- data.frame(gf = levels(s$gf), Freq = round(size * c(0.47, 0.53)))
pop_w <- data.frame(wf = levels(s$wf), Freq = round(sum(pop_g$Freq) * 0.55) * c(1, 0) + c(0, sum(pop_g$Freq) - round(sum(pop_g$Freq) * 0.55)))
pop_model <- c(`(Intercept)` = sum(pop_g$Freq), gf1 = pop_g$Freq[2], wf1 = pop_w$Freq[2], size = 1.01 * sum(pop_g$Freq) * weighted.mean(s$size, s$w))
lines_of <- function(d) paste(as.character(d[[1]]), "=", sprintf("%.17g", d$Freq))
target_g <- c("[target g]", lines_of(pop_g)); target_w <- c("[target wave]", lines_of(pop_w))
target_size <- c("[target size]", sprintf("total = %.17g", pop_model["size"]))

redo <- function(...) svydesign(..., weights = ~w, data = s)
linearised <- list(
  stratified = list(redo(ids = ~1, strata = ~stratum), "strata = stratum"),
  clustered = list(redo(ids = ~psu, strata = ~stratum), c("strata = stratum", "clusters = psu")),
  clustered_fpc = list(redo(ids = ~psu, strata = ~stratum, fpc = ~size),
                       c("strata = stratum", "clusters = psu", "population = size")),
  unstratified = list(redo(ids = ~psu), "clusters = psu"))
replicated <- list(
  jk1 = list(as.svrepdesign(linearised$unstratified[[1]], type = "JK1"), c("clusters = psu", "[replicates]", "type = JK1")),
  jkn = list(as.svrepdesign(linearised$clustered[[1]], type = "JKn"),
             c(linearised$clustered[[2]], "[replicates]", "type = JKn")),
  jkn_fpc = list(as.svrepdesign(linearised$clustered_fpc[[1]], type = "JKn"),
                 c(linearised$clustered_fpc[[2]], "[replicates]", "type = JKn")))
columns <- list()
in_columns <- function(name, d, type, more, combined = TRUE) {
  w <- as.matrix(if (combined) weights(d, "analysis") else d$repweights)
  colnames(w) <- sprintf("%s%02d", name, seq_len(ncol(w)))
  columns[[name]] <<- w
  replicated[[paste0("columns_", name)]] <<- list(d, c("[replicates]", paste("type =", type),
    sprintf("weights = %s01..%s%02d", name, name, ncol(w)), more, if (!combined) "combined = no"))
}
base <- linearised$clustered[[1]]
in_columns("jkw", replicated$jkn[[1]], "JKn",
           paste("scales =", paste(sprintf("%.17g", replicated$jkn[[1]]$rscales), collapse = ", ")))
in_columns("brr", as.svrepdesign(base, type = "BRR", small = "merge", large = "merge"), "BRR", character())
in_columns("fay", as.svrepdesign(base, type = "Fay", fay.rho = 0.3, small = "merge", large = "merge"), "Fay", "rho = 0.3",
           combined = FALSE)
in_columns("boot", as.svrepdesign(base, type = "bootstrap", replicates = 25), "other", character())
in_columns("sub", as.svrepdesign(base, type = "subbootstrap", replicates = 25), "subbootstrap", character())
mse <- as.svrepdesign(base, type = "Fay", fay.rho = 0.4, small = "merge", large = "merge", mse = TRUE)
in_columns("mse", mse, "other", c(sprintf("scale = %.17g", mse$scale), "around = estimate"))
replicated$columns_boot[[2]] <- c(replicated$columns_boot[[2]], sprintf("scale = %.17g", replicated$columns_boot[[1]]$scale),
  paste("scales =", paste(sprintf("%.17g", replicated$columns_boot[[1]]$rscales), collapse = ", ")))
for (name in names(columns)) for (c in colnames(columns[[name]])) s[[c]] <- columns[[name]][, c]
kept <- s[c("stratum", "psu", "size", "w", "g", "wave", paste0("y", 1:5), unlist(lapply(columns, colnames)))]
con <- file("score_replicated.csv", "w")
writeLines(paste(names(kept), collapse = ","), con)
writeLines(do.call(paste, c(lapply(kept, function(v) ifelse(is.na(v), "", sprintf("%.17g", v))), sep = ",")), con)
close(con)

rake_to <- function(d) rake(d, list(~gf, ~wf), list(pop_g, pop_w), control = list(maxit = 200, epsilon = 1e-13))
to_model <- function(fun, ...) function(d) calibrate(d, ~gf + wf + size, pop_model, calfun = fun, ...)
by_model <- c(target_g, target_w, target_size)
methods <- list(
  none = list(function(d) d, character()),
  post = list(function(d) postStratify(d, ~gf, pop_g), c("[calibration]", "method = poststratify", target_g)),
  rake = list(rake_to, c("[calibration]", "method = rake", "tolerance = 1e-13", target_g, target_w)),
  linear = list(to_model("linear"), c("[calibration]", "method = linear", by_model)),
  raking = list(to_model("raking"), c("[calibration]", "method = raking", by_model)),
  logit = list(to_model("logit", bounds = c(0.4, 2.2)), c("[calibration]", "method = logit", "low = 0.4", "high = 2.2", by_model)),
  trimmed = list(function(d) trimWeights(rake_to(d), upper = 4, lower = 0.9),
                 c("[calibration]", "method = rake", "tolerance = 1e-13", "trim_low = 0.9", "trim_high = 4", target_g, target_w)))
index <- c(unlist(lapply(1:4, function(j) sprintf("[question y%d]", j))), "[question y5]", "type = number", "[group cell]",
  "columns = g, wave", "[pillar P1]", "weight = 0.5", "[pillar P2]", "weight = 0.3", "[pillar P3]", "weight = 0.2",
  "[item y1]", "pillar = P1", "answer = 100", "[item y2]", "pillar = P2", "answer = 100", "weight = 0.7",
  "[item y3]", "pillar = P2", "answer = 100", "weight = 0.3", "[item y4]", "pillar = P3", "answer = 100",
  "[item y5]", "pillar = P3", "low = 0", "high = 100")

ratios <- function(w, d) unlist(lapply(0:3, function(b) sapply(1:5, function(j) {
  r <- sum(w * d[[sprintf("t%d_%d", j, b)]]) / sum(w * d[[sprintf("a%d_%d", j, b)]])
  setNames(r, sprintf("r%d_%d", j, b))
})))
over_ratios <- function(text) gsub("\\(t([0-9])_([0-9]) / a[0-9]_[0-9]\\)", "r\\1_\\2", text)
out <- list()
say_plan <- function(plan, what, block, e) {
  out[[length(out) + 1]] <<- data.frame(plan = plan, what = what, block = block, value = sprintf("%.17g", as.numeric(coef(e))))
  out[[length(out) + 1]] <<- data.frame(plan = plan, what = paste0(what, "_se"), block = block, value = sprintf("%.17g", as.numeric(SE(e))))
}
describe <- function(name, d, is_replicated) {
  if (is_replicated) {
    base <- withReplicates(d, ratios)
    names(base) <- names(ratios(weights(d, "sampling"), s))
  } else base <- svytotal(totals, d)
  take <- function(text) contrast(base, if (is_replicated) over_ratios(text) else text)
  for (b in 0:3) {
    say_plan(name, "item5", b, take(if (is_replicated) paste("1 *", item(5, b)) else item(5, b)))
    for (p in c("P2", "P3")) say_plan(name, sub("P", "pillar", p), b, take(pillar(p, b)))
    say_plan(name, "arithmetic", b, take(arithmetic(b)))
    say_plan(name, "geometric", b, take(geometric(b)))
  }
  for (g in 0:1) for (f in c("arithmetic", "geometric", "pillar2")) {
    of <- switch(f, arithmetic = arithmetic, geometric = geometric, pillar2 = function(b) pillar("P2", b))
    say_plan(name, paste0(f, "_change"), g, take(paste(of(2 * g + 1), "-", of(2 * g))))
  }
}
designs <- c(linearised, replicated)
for (design in names(designs)) for (method in names(methods)) {
  is_replicated <- inherits(designs[[design]][[1]], "svyrep.design")
  if (is_replicated && method %in% c("logit", "trimmed")) next
  name <- paste(design, method, sep = "-")
  d <- methods[[method]][[1]](designs[[design]][[1]])
  writeLines(c("[survey]", "data = score_replicated.csv", "weight = w", designs[[design]][[2]], methods[[method]][[2]], index),
             file.path("score_plans", paste0(name, ".ini")))
  describe(name, d, is_replicated)
}
write.csv(do.call(rbind, out), "score_plans.csv", row.names = FALSE, quote = FALSE)
