/* Azure cost and usage details of enterprise (EA) and customer (MCA) agreements, actual and amortised
 * (learn.microsoft.com/azure/cost-management-billing/automate/understand-usage-details-fields). */
#include "import/bill.h"

static const char *const signatures[][JB_BILL_SIGNATURE_CEILING] = {
    {"meterCategory", "quantity", "costInBillingCurrency"},
    {"meterCategory", "quantity", "preTaxCost"},
    {"meterCategory", "quantity", "unitOfMeasure", "cost"},
    {"meterCategory", "usageQuantity", "preTaxCost"},
    {NULL}};

static const struct jb_bill_column columns[] = {
    {JB_BILL_START, "date"},
    {JB_BILL_START, "usageDateTime"},
    {JB_BILL_START, "usageDate"},
    {JB_BILL_PERIOD, "billingPeriodStartDate"},
    {JB_BILL_PAYER, "billingAccountId"},
    {JB_BILL_PAYER, "billingProfileId"},
    {JB_BILL_ACCOUNT, "subscriptionId"},
    {JB_BILL_ACCOUNT, "subscriptionGuid"},
    {JB_BILL_REGION, "resourceLocationNormalized"},
    {JB_BILL_REGION, "resourceLocation"},
    {JB_BILL_REGION, "location"},
    {JB_BILL_REGION, "meterRegion"},
    {JB_BILL_SERVICE, "meterCategory"},
    {JB_BILL_ITEM, "meterName"},
    {JB_BILL_MACHINE, "additionalInfo"},
    {JB_BILL_UNIT, "unitOfMeasure"},
    {JB_BILL_CHARGE, "chargeType"},
    {JB_BILL_STATUS, "pricingModel"},
    {JB_BILL_CLASS, "meterSubCategory"},
    {JB_BILL_CURRENCY, "billingCurrency"},
    {JB_BILL_CURRENCY, "billingCurrencyCode"},
    {JB_BILL_CURRENCY, "currency"},
    {JB_BILL_QUANTITY, "quantity"},
    {JB_BILL_QUANTITY, "usageQuantity"},
    {JB_BILL_COST, "costInBillingCurrency"},
    {JB_BILL_COST, "preTaxCost"},
    {JB_BILL_COST, "cost"},
    {JB_BILL_TAGS, "tags"},
    {JB_BILL_START, NULL},
};

/* In actual costs a reservation is a Purchase and its use has the cost 0; in amortised ones the use has the
 * cost, and what was not used is UnusedReservation, whose hours nobody used. Either way the use stands in
 * rows of Usage, once. */
static const struct jb_bill_charge charges[] = {
    /* "SQL Database General Purpose - SQL License", whose meter is a "vCore" as that of the machine is. */
    {.charge = "usage", .class = "*license*", .kind = JB_BILL_FEE},
    {.charge = "usage", .service = "*support*", .kind = JB_BILL_SUPPORT},
    {.charge = "usage", .kind = JB_BILL_USAGE},
    {.charge = "", .kind = JB_BILL_USAGE}, /* older files have no such column */
    {.charge = "purchase", .service = "*support*", .kind = JB_BILL_SUPPORT},
    {.charge = "purchase", .kind = JB_BILL_PURCHASE},
    {.charge = "refund", .kind = JB_BILL_REFUND},
    {.charge = "tax", .kind = JB_BILL_TAX},
    {.charge = "unused*", .kind = JB_BILL_UNUSED},
    {.charge = "credit", .kind = JB_BILL_CREDIT},
    {.charge = "*adjustment", .kind = JB_BILL_ADJUSTMENT},
    {.kind = JB_BILL_UNKNOWN},
};

const struct jb_bill_format jb_bill_azure = {
    .name = "azure",
    .summary = "Azure cost details (EA, MCA), actual and amortised",
    .provider = "azure",
    .signatures = signatures,
    .columns = columns,
    .charges = charges,
    .currency = "",
    .unit = "",
};
