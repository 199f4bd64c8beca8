// What DuckDB makes of the bill: the same join and the same sums, by one thread. Prints "<rows> <cost in millionths>".
//   node bills_duckdb.js BILL REGIONS SKUS
// The types are stated, so that nothing is spent on guessing them; cost is a decimal, so that its sum is exact.
const { DuckDBInstance } = require('@duckdb/node-api');

async function main([bill, regions, skus]) {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(`
    WITH sums AS (
      SELECT SubAccountId, count(*) AS row_count, sum(BilledCost) AS cost,
             sum(ConsumedQuantity * s.factor * r.factor) AS energy
      FROM read_csv('${bill}', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', columns = {
        'BilledCost': 'DECIMAL(18,6)', 'BillingCurrency': 'VARCHAR', 'ChargeCategory': 'VARCHAR',
        'ChargePeriodEnd': 'TIMESTAMP', 'ChargePeriodStart': 'TIMESTAMP', 'ConsumedQuantity': 'DOUBLE',
        'ConsumedUnit': 'VARCHAR', 'ProviderName': 'VARCHAR', 'RegionId': 'VARCHAR', 'ServiceName': 'VARCHAR',
        'SkuId': 'VARCHAR', 'SubAccountId': 'VARCHAR' }) AS b
      JOIN read_csv('${regions}', header = true) AS r ON r.region = b.RegionId
      JOIN read_csv('${skus}', header = true) AS s ON s.sku = b.SkuId
      GROUP BY SubAccountId)
    SELECT sum(row_count)::VARCHAR, (sum(cost) * 1000000)::HUGEINT::VARCHAR FROM sums`);
  console.log(reader.getRows()[0].join(' '));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
