# shellcheck shell=bash
# What the bats files share that try every type: the cases in data/types, for MAJOR.

# The cases of this major: number, type, SQL, "type" and "value", separated by tabs.
cases() {
	cat "$PGCDC_TEST_ROOT"/test/data/types/{numbers,text,time,compound} | awk -F '\t' -v OFS='\t' -v major="$MAJOR" '
		/^#/ || NF == 0 { next }
		NF < 4 || NF > 5 { print "bad case: " $0; exit }
		NF == 5 {
			split($5, range, "-")
			if (major < range[1] || (range[2] != "" && major > range[2]))
				next
		}
		{ print sprintf("c%04d", ++n), $1, $2, $3, $4 }'
}

# In PGDATABASE a table for each case, and a publication "cases" of all tables.
make_case_tables() {
	psql -Xq -v ON_ERROR_STOP=1 -f "$PGCDC_TEST_ROOT/test/data/types/objects.sql"
	cases | awk -F '\t' '
		BEGIN { print "BEGIN;" }
		{ print "CREATE TABLE " $1 " (v " $2 "); ALTER TABLE " $1 " REPLICA IDENTITY FULL;" }
		END { print "COMMIT; CREATE PUBLICATION cases FOR ALL TABLES;" }' |
		psql -Xq -v ON_ERROR_STOP=1
}

# insert_cases [SQL]: the value of each case and NULL, and SQL after each, with TABLE in it.
insert_cases() {
	cases | awk -F '\t' -v then="${1-}" '
		function insert(value, also) {
			also = then
			gsub("TABLE", $1, also)
			print "INSERT INTO " $1 " VALUES (" value ");" also
		}
		BEGIN { print "SET datestyle = ISO; SET timezone = UTC; SET search_path = public, \"my extensions\"; BEGIN;" }
		{ insert($3) }
		$2 !~ /serial/ { insert("NULL") }
		END { print "COMMIT;" }' | psql -Xq -v ON_ERROR_STOP=1
}

# hostile_settings: the role "hostile" has every setting that could change the text of a value.
hostile_settings() {
	local setting
	while read -r setting; do
		sql "ALTER ROLE hostile SET $setting"
	done <<-END
		datestyle = 'SQL, DMY'
		intervalstyle = 'sql_standard'
		timezone = 'Asia/Kathmandu'
		bytea_output = 'escape'
		extra_float_digits = -15
		xmlbinary = 'hex'
		xmloption = 'document'
		quote_all_identifiers = on
		search_path = 'public', 'my extensions', 'Odd "Schema.'
		client_encoding = 'LATIN1'
		standard_conforming_strings = off
		array_nulls = off
		default_transaction_read_only = on
		default_transaction_isolation = 'serializable'
		default_transaction_deferrable = on
		client_min_messages = 'debug5'
		transform_null_equals = on
		enable_tidscan = off
	END
}
