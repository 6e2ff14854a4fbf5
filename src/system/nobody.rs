//! Nobody: the server of a system that has none.
//!
//! Why: a system names a type for its server even where devices talk to each other only. One line does it:
//! `type Server = Nobody<MyMessage, MyDisk>;`, with `server: false` in its [`super::Facts`]. It is never started.

use super::{Context, Input, Message, Node};
use crate::model::Row;
use std::marker::PhantomData;

/// A node that does nothing and holds nothing.
pub struct Nobody<M, D>(PhantomData<fn() -> (M, D)>);

impl<M, D> Default for Nobody<M, D> {
    fn default() -> Nobody<M, D> {
        Nobody(PhantomData)
    }
}

impl<M: Message, D> Node for Nobody<M, D> {
    type Message = M;
    type Disk = D;
    fn handle(&mut self, _: &mut D, _: Input<M>, _: &mut Context<M>) {}
    fn rows(&self, _: &D, _: &mut dyn FnMut(&Row)) {}
}
