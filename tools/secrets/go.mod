module github.com/irgit/irgit/tools/secrets

go 1.26.0

require github.com/pelletier/go-toml/v2 v2.2.4
