/// The mode of a reconciler.
///
/// Its lock file contains the mode.
enum ReconcilerMode: String {
    /// Keeps running and applies the services directory.
    case watch
    /// Keeps running and supervises the applied services.
    case keep
    /// Like `keep`, but started by `apply`: exits after a `down`.
    case background
    /// Supervises the applied services and applies nothing new, because earlier reconcilers crashed.
    case safe
    /// One pass of `reconcile` or `down`.
    case once
}
