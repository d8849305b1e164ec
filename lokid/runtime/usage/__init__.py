"""The bill.

bill         budget, turn and row of a request: turns (limits), spending (budgets), extra_usage (both, of
             the extra socket); asker says who asks
ledger       the rows of all requests: journal takes them at once, rows is the database
"""
