# What intake's worker may do in the transit engine; for the other services put their names in the place of `intake`.
path "transit/keys" { capabilities = ["list"] }
path "transit/keys/tenure-intake-epoch-*" { capabilities = ["create", "update", "delete"] }
path "transit/hmac/tenure-intake-epoch-*" { capabilities = ["update"] }
