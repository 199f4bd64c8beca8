# Turns a SQL file into a C string literal.
s/[\\"]/\\&/g
s/.*/"&\\n"/
