#include "plan.h"

void
plan_begin(struct plan *p, const struct tables *tables, uint32_t step)
{
	*p = (struct plan){ .tables = tables, .step = step };
}

int
plan_next(struct plan *p, struct range *r)
{
	const struct table *t;

	if (p->at == p->tables->n)
		return 0;
	t = &p->tables->table[p->at];
	*r = (struct range){ .table = t, .first = p->page };
	r->is_last = t->pages <= p->step || p->page >= t->pages - p->step;
	r->last = r->is_last ? UINT32_MAX - 1 : p->page + p->step - 1;
	p->page = r->last + 1;
	if (r->is_last) {
		p->at++;
		p->page = 0;
	}
	return 1;
}
