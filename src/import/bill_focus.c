/* FOCUS, the FinOps Open Cost and Usage Specification, 1.0 to 1.2 (focus.finops.org). */
#include "import/bill.h"

static const char *const signatures[][JB_BILL_SIGNATURE_CEILING] = {
    {"ChargeCategory", "BilledCost", "ChargePeriodStart"}, {NULL}};

/* Columns that begin with x_ are the providers' own: those of AWS, Microsoft and Google that say what was
 * used are preferred, for the specification has no column for it before 1.1 (SkuMeter, which is the usage
 * type in AWS's exports). Rows of others that have none of them say it in the columns of all. */
static const struct jb_bill_column columns[] = {
    {JB_BILL_START, "ChargePeriodStart"},
    {JB_BILL_END, "ChargePeriodEnd"},
    {JB_BILL_PERIOD, "BillingPeriodStart"},
    {JB_BILL_PROVIDER, "ServiceProviderName"}, /* 1.3 */
    {JB_BILL_PROVIDER, "ProviderName"},
    {JB_BILL_PROVIDER, "PublisherName"},
    {JB_BILL_PAYER, "BillingAccountId"},
    {JB_BILL_ACCOUNT, "SubAccountId"},
    {JB_BILL_REGION, "RegionId"},
    {JB_BILL_REGION, "RegionName"},
    {JB_BILL_SERVICE, "x_ServiceCode"},
    {JB_BILL_SERVICE, "x_SkuMeterCategory"},
    {JB_BILL_SERVICE, "ServiceName"},
    {JB_BILL_SERVICE_2, "x_SkuMeterCategory"},
    {JB_BILL_SERVICE_2, "ServiceName"},
    {JB_BILL_SERVICE_3, "ServiceName"},
    {JB_BILL_ITEM, "x_UsageType"},
    {JB_BILL_ITEM, "x_SkuMeterName"},
    {JB_BILL_ITEM, "x_SkuDescription"},
    {JB_BILL_ITEM, "SkuMeter"},
    {JB_BILL_ITEM, "ChargeDescription"},
    {JB_BILL_ITEM, "SkuId"},
    {JB_BILL_ITEM_2, "x_SkuMeterName"},
    {JB_BILL_ITEM_2, "x_SkuDescription"},
    {JB_BILL_ITEM_3, "SkuMeter"},
    {JB_BILL_MACHINE, "x_InstanceType"},
    {JB_BILL_MACHINE, "x_SkuDetails"},
    {JB_BILL_MACHINE, "SkuPriceDetails"},
    {JB_BILL_MACHINE_2, "SkuPriceDetails"},
    {JB_BILL_UNIT, "ConsumedUnit"},
    {JB_BILL_CHARGE, "ChargeCategory"},
    {JB_BILL_STATUS, "CommitmentDiscountStatus"},
    {JB_BILL_CLASS, "ChargeClass"},
    {JB_BILL_CAPACITY, "CapacityReservationStatus"},
    {JB_BILL_CURRENCY, "BillingCurrency"},
    {JB_BILL_QUANTITY, "ConsumedQuantity"},
    {JB_BILL_COST, "BilledCost"},
    {JB_BILL_TAGS, "Tags"},
    {JB_BILL_START, NULL},
};

/* What is covered by a commitment is a row of Usage with the status Used; what is left of the commitment has
 * the status Unused, and nothing was used. Capacity that was kept free and not used (1.1) is use: a machine
 * stood idle for it. A Correction of a former period repeats no use. */
static const struct jb_bill_charge charges[] = {
    {.charge = "tax", .kind = JB_BILL_TAX},
    {.charge = "credit", .kind = JB_BILL_CREDIT},
    {.charge = "purchase", .service = "*support*", .kind = JB_BILL_SUPPORT},
    {.charge = "purchase", .kind = JB_BILL_PURCHASE},
    {.charge = "adjustment", .kind = JB_BILL_ADJUSTMENT},
    {.charge = "usage", .class = "correction", .kind = JB_BILL_REFUND},
    {.charge = "usage", .status = "unused", .kind = JB_BILL_UNUSED},
    {.charge = "usage", .service = "*support*", .kind = JB_BILL_SUPPORT},
    {.charge = "usage", .kind = JB_BILL_USAGE},
    {.kind = JB_BILL_UNKNOWN},
};

const struct jb_bill_format jb_bill_focus = {
    .name = "focus",
    .summary = "FOCUS 1.0, 1.1, 1.2 of any provider",
    .provider = "",
    .signatures = signatures,
    .columns = columns,
    .charges = charges,
    .currency = "",
    .unit = "",
};
