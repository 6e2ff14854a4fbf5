//! What a node keeps, behind one trait with transactions.
