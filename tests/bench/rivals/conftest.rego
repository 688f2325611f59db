# The five rules of the benchmark, for conftest.
package main

import rego.v1

is_database if {
	input.kind == "Database"
	startswith(input.apiVersion, "db.example.com/")
}

deny contains "odd" if {
	is_database
	input.spec.replicas % 2 != 1
}

deny contains "ours" if {
	is_database
	not startswith(input.spec.image, "registry.example.com/")
}

deny contains "small" if {
	is_database
	some member in input.spec.members
	member.cpu >= 16
}

deny contains "enough" if {
	is_database
	count(input.spec.members) < input.spec.replicas
}

deny contains "plain" if {
	is_database
	not regex.match(`^[a-z0-9-]+$`, input.metadata.name)
}
