"""What emqx_auth_mysql and emqx_auth_pgsql have in common: all but the driver."""
