-- Which check-in proves which visit, where no choice between several visits and several check-ins is to be made.
-- Grain: visit_no; each check_in_no at most once. Input: visit_edge. Lives until the transaction ends.
-- Ties: the earlier check-in, then the earlier visit.
create temporary table visit_proof on commit drop as
(
    select distinct on (visit_no) visit_no, check_in_no
    from visit_edge
    where alone_visit
    order by visit_no, cost, check_in_no
)
union all
(
    select distinct on (check_in_no) visit_no, check_in_no
    from visit_edge
    where alone_check_in and not alone_visit
    order by check_in_no, cost, visit_no
)
