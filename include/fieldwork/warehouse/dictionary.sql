-- Grain: a column of a table or view. Inputs: :schemas, names of PostgreSQL schemas. Keys: relation, position.
-- What the catalogue says of itself: the comments that migrations and views.sql wrote, types, keys, nullability.
with relation as (
    select
        c.oid,
        s.nspname as schema,
        c.relname as name,
        c.relkind = 'v' as is_view,
        obj_description(c.oid, 'pg_class') as comment,
        (select i.indkey::smallint[] from pg_index as i where i.indrelid = c.oid and i.indisprimary) as key
    from pg_class as c
    join pg_namespace as s on c.relnamespace = s.oid
    where s.nspname = any(:schemas) and c.relkind in ('r', 'v') and c.relname <> 'alembic_version'
)

select
    r.schema,
    r.name,
    r.comment,
    a.attname as column_name,
    replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz') as type,
    a.attnum = any(r.key) is true as is_key,
    not r.is_view and not a.attnotnull as may_be_null,
    col_description(r.oid, a.attnum) as column_comment
from relation as r
join pg_attribute as a on r.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
order by r.schema, r.name, a.attnum;
