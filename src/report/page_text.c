/* The texts of pages in English and Korean. */
#include "report/page_text.h"

#include "base/cleanup.h"
#include "report/html.h"

#include <string.h>

static const struct jb_page_text languages[] = {
    {
        .language = "en",
        .title = "Where the market stands",
        .by = "The index, by {1}",
        .lead = "{1} respondents in {2} groups. Scores go from 0 to 100, more is better: 0 is nobody, 100 "
                "everybody. "
                "Intervals hold {3} %.",
        .made_with = "Made with joulebook.",
        .arithmetic = "Index (arithmetic)",
        .geometric = "Index (geometric)",
        .scores = "Scores",
        .scores_lead =
            "The dot is a group's score, the line its {1} % interval. The dashed line is everybody's score. "
            "Groups stand tier by tier, and within a tier by name: their order there means nothing.",
        .scores_desc =
            "Dot plot of the arithmetic index of {1} groups with intervals; the lowest score is {2}, the "
            "highest {3}. The table beneath has all figures.",
        .ranks = "How sure is the order?",
        .ranks_lead =
            "The bar covers the places that a group takes in {2} % of {1} draws, the mark is the middle one. "
            "Each "
            "draw takes another sample, other weights, another mean, the other sign of what is contested, "
            "and leaves a question out. What cannot be told apart shares a tier.",
        .ranks_desc = "Intervals of the places of {1} groups; tiers: {2}. The table beneath has all figures.",
        .tier = "Tier {1}",
        .too_few = "too few",
        .place_range = "{1} to {2}",
        .median_place = "Middle place",
        .map = "Groups by question",
        .map_lead = "Everything that was asked: how many say so, in per cent. The darker, the more; whether "
                    "more is better stands with what counts in the index. A dashed cell has fewer than {1} "
                    "answers, or an effective number below {1}, and is not shown.",
        .map_desc = "Heat map of {1} groups and everybody by {2} answers, with the figure in each cell. The "
                    "table beneath has all figures.",
        .map_relative = "shaded from the lowest group to the highest",
        .everybody = "Everybody",
        .measure = {"mean", "ratio", "total"},
        .median = "median",
        .as_asked_good = "more is better",
        .as_asked_bad = "less is better",
        .pillars = "What the score is made of",
        .pillars_lead =
            "Each part is what a pillar adds to the arithmetic index: its score times its weight.",
        .pillars_desc = "Stacked bars of {1} groups: what each of {2} pillars adds to the index.",
        .sources = "What moves the order",
        .sources_lead = "Parts of the variance of how far a draw moves the groups (on average {1} places). "
                        "Dark: what would "
                        "go if this alone were known. Light: with what it does together with others.",
        .sources_desc = "First and total Sobol indices of {1} sources of uncertainty.",
        .alone = "Alone",
        .in_all = "In all",
        .source = {"Sampling", "Weights of the pillars", "Arithmetic or geometric",
                   "Sign of what is contested", "A question left out"},
        .method = "How this was made",
        .method_scores = "Each question counts between fixed goalposts, so scores of other years compare. "
                         "Questions are averaged into "
                         "pillars and pillars into the index, arithmetically and, beside it, geometrically: "
                         "there a low pillar is "
                         "not made good by a high one.",
        .method_intervals =
            "Standard errors come from the survey's design by linearisation, those of the geometric index "
            "by the delta method on top; intervals take the t distribution.",
        .method_draws =
            "{1} draws with seed {2}: all questions of all groups jointly normal with their estimated "
            "covariance; weights of the pillars from a Dirichlet distribution with concentration {3}.",
        .method_tiers = "A tier is the group with the highest score that is left, and all that it is not "
                        "above in {1} % of the "
                        "draws.",
        .method_few =
            "Groups of fewer than {1} respondents, or of an effective number below {1}, are not shown.",
        .group = "Group",
        .respondents = "Respondents",
        .interval = "Interval",
        .places = "Places",
        .tier_title = "Tier",
        .figures = "Figures of the plot",
        .as_asked = "Per cent who say so",
        .pillar_scores = "Scores of the pillars, 0 to 100",
        .over_draws = "Score over the draws",
        .source_title = "Source",
    },
    {
        .language = "ko",
        .title = "시장은 어디에 서 있는가",
        .by = "지수: {1}별",
        .lead = "응답자 {1}명, 집단 {2}개. 점수는 0점에서 100점까지이며 높을수록 좋습니다. 0점은 아무도 "
                "없음, 100점은 모두를 "
                "뜻합니다. 구간은 {3}% 신뢰구간입니다.",
        .made_with = "joulebook으로 만들었습니다.",
        .arithmetic = "지수(산술평균)",
        .geometric = "지수(기하평균)",
        .scores = "점수",
        .scores_lead =
            "점은 집단의 점수, 선은 {1}% 신뢰구간입니다. 파선은 전체 점수입니다. 집단은 등급별로, 같은 등급 "
            "안에서는 이름순으로 놓였으며 그 안의 순서에는 의미가 없습니다.",
        .scores_desc = "집단 {1}개의 산술 지수와 신뢰구간을 나타낸 점 도표. 가장 낮은 점수는 {2}, 가장 높은 "
                       "점수는 {3}. 모든 "
                       "수치는 아래 표에 있습니다.",
        .ranks = "순위는 얼마나 확실한가",
        .ranks_lead = "막대는 {1}회 추출의 {2}%에서 집단이 차지하는 순위의 범위, 표시는 가운데 순위입니다. "
                      "추출마다 표본, "
                      "가중치, 평균 방식, 논란이 있는 부문의 방향이 바뀌고 문항 하나가 빠집니다. 구별할 수 "
                      "없는 집단은 같은 "
                      "등급입니다.",
        .ranks_desc = "집단 {1}개의 순위 구간, 등급 {2}개. 모든 수치는 아래 표에 있습니다.",
        .tier = "{1}등급",
        .too_few = "응답 부족",
        .place_range = "{1}–{2}위",
        .median_place = "가운데 순위",
        .map = "집단별 문항",
        .map_lead = "물어본 모든 것입니다. 그렇다고 답한 비율(%)이며 짙을수록 높습니다. 높은 것이 좋은지는 "
                    "지수에 들어가는 문항에 적혀 있습니다. 점선 칸은 응답 또는 유효 응답이 {1}명보다 적어 "
                    "표시하지 않습니다.",
        .map_desc =
            "전체와 집단 {1}개, 응답 {2}개의 히트맵. 칸마다 수치가 있습니다. 모든 수치는 아래 표에 있습니다.",
        .map_relative = "가장 낮은 집단부터 가장 높은 집단까지의 음영",
        .everybody = "전체",
        .measure = {"평균", "비율", "합계"},
        .median = "중앙값",
        .as_asked_good = "높을수록 좋음",
        .as_asked_bad = "낮을수록 좋음",
        .pillars = "점수의 구성",
        .pillars_lead = "각 부분은 부문이 산술 지수에 더하는 몫, 곧 부문 점수에 가중치를 곱한 값입니다.",
        .pillars_desc = "집단 {1}개의 누적 막대: 부문 {2}개가 지수에 더하는 몫.",
        .sources = "순위를 움직이는 것",
        .sources_lead = "한 번의 추출이 집단을 옮기는 정도(평균 {1}계단)의 분산을 나눈 것입니다. 짙은 막대: "
                        "이것만 알면 사라질 "
                        "몫. 옅은 막대: 다른 것과 함께 미치는 몫까지.",
        .sources_desc = "불확실성의 원천 {1}개의 1차 및 총 소볼(Sobol) 지수.",
        .alone = "단독",
        .in_all = "전체",
        .source = {"표본 추출", "부문의 가중치", "산술평균 또는 기하평균", "논란이 있는 부문의 방향",
                   "문항 하나를 뺌"},
        .method = "만든 방법",
        .method_scores = "문항마다 고정된 기준점 사이에서 점수를 매기므로 다른 해의 점수와 비교할 수 "
                         "있습니다. 문항을 평균하여 "
                         "부문으로, 부문을 평균하여 지수로 만듭니다. 나란히 둔 기하평균에서는 낮은 부문을 "
                         "높은 부문으로 메울 수 "
                         "없습니다.",
        .method_intervals = "표준오차는 조사 설계에서 선형화로 구했고, 기하 지수에는 델타 방법을 더했습니다. "
                            "신뢰구간은 t 분포를 "
                            "따릅니다.",
        .method_draws = "시드 {2}로 {1}회 추출했습니다. 모든 집단의 모든 문항은 추정 공분산을 갖는 결합 "
                        "정규분포에서, 부문의 "
                        "가중치는 집중도 {3}의 디리클레 분포에서 뽑았습니다.",
        .method_tiers = "등급은 남은 집단 가운데 점수가 가장 높은 집단과, 그 집단이 추출의 {1}%에서 앞서지 "
                        "못하는 모든 집단입니다.",
        .method_few = "응답자 또는 유효 응답자가 {1}명보다 적은 집단은 표시하지 않습니다.",
        .group = "집단",
        .respondents = "응답자",
        .interval = "신뢰구간",
        .places = "순위",
        .tier_title = "등급",
        .figures = "그림의 수치",
        .as_asked = "그렇다고 답한 비율(%)",
        .pillar_scores = "부문 점수(0–100점)",
        .over_draws = "추출에 따른 점수",
        .source_title = "원천",
    },
};

const struct jb_page_text *jb_page_text_find(const char *language) {
    for (size_t i = 0; i < JB_COUNT(languages); i++) {
        if (strcmp(languages[i].language, language) == 0)
            return &languages[i];
    }
    return NULL;
}

char *jb_page_fill_text(const char *text, const char *const *values, size_t count, char *ret, size_t size) {
    size_t used = 0;
    ret[0] = '\0';
    for (; *text && used + 1 < size; text++) {
        size_t which = text[0] == '{' && text[1] >= '1' && text[1] <= '9' && text[2] == '}'
                           ? (size_t)(text[1] - '1')
                           : 9;
        if (which < count) {
            size_t length = strlen(values[which]), room = size - 1 - used;
            length = length < room ? length : room;
            memcpy(ret + used, values[which], length);
            used += length;
            text += 2;
        } else {
            ret[used++] = *text;
        }
    }
    ret[used] = '\0';
    return ret;
}

void jb_page_fill(struct jb_buffer *out, const char *text, const char *const *values, size_t count) {
    char filled[4096];
    jb_html_text(out, jb_page_fill_text(text, values, count, filled, sizeof(filled)));
}
