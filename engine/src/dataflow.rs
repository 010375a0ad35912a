//! The one door to timely and differential dataflow: everything the project uses of them is named
//! here, so that an upgrade (both crates break often) is read and mended in one place.
//!
//! Picture: every stream in Seismolog carries `Vec`s and is stamped with a `u64` epoch. Streams of
//! [`EventBatch`](crate::model::EventBatch) and the like are plain timely streams that never leave
//! their worker; from `window` on, streams are differential collections.

pub use differential_dataflow::collection::concatenate;
pub use differential_dataflow::input::InputSession;
pub use differential_dataflow::operators::iterate::{Iterate, Variable};
pub use differential_dataflow::trace::implementations::{ValBuilder, ValSpine};
pub use differential_dataflow::{AsCollection, VecCollection};
pub use timely::container::CapacityContainerBuilder;
pub use timely::dataflow::channels::pact::{Exchange, Pipeline};
pub use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
pub use timely::dataflow::operators::generic::operator::{Operator as GenericOperator, source};
pub use timely::dataflow::operators::generic::{InputHandleCore, OutputBuilder};
pub use timely::dataflow::operators::vec::{Filter, Map, ToStream};
pub use timely::dataflow::operators::{Capability, Concat, Concatenate, Inspect, Probe};
pub use timely::dataflow::{Scope, Stream as TimelyStream};
pub use timely::order::Product;
pub use timely::progress::frontier::MutableAntichain;
pub use timely::scheduling::{Activator, SyncActivator};
pub use timely::worker::Worker;
pub use timely::{CommunicationConfig, Config, WorkerConfig, execute};

/// The timestamp of every dataflow: the raw number of an [`Epoch`](crate::model::Epoch).
pub type DataflowTime = u64;

/// A stream of plain records, each container a `Vec` of them.
pub type Stream<'s, D> = TimelyStream<'s, DataflowTime, Vec<D>>;

/// A differential collection: `(data, epoch, change)`.
pub type Collection<'s, D> = VecCollection<'s, DataflowTime, D, isize>;

/// The output side of a hand-built operator.
pub type Output<D> = OutputBuilder<DataflowTime, CapacityContainerBuilder<Vec<D>>>;
