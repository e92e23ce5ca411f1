"""The paper's studies: each trains or takes what it needs, measures it, and writes numbers, figures and conclusions."""
