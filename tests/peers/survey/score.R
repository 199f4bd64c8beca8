# Makes score_sample.csv and score_reference.csv: what R's survey package says of a made-up index of three pillars and
# five items, some of them unanswered, under several designs. src/survey/score_peers_test.c holds our scores to it.
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
