public import HeroModel

/// The events of the machine.
public protocol EventSource: AnyObject {
    /// Waits for events until a moment (nil: without limit) and returns all of them; empty when the moment came first.
    func nextEvents(until deadline: Moment?) -> [KernelEvent]
}
