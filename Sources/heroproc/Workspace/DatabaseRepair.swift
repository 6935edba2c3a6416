import HeroLinux
import HeroReconciler
import HeroStore

extension Workspace {
    /// Has a database made again that cannot be read because it is damaged (reliability.md DB-5).
    ///
    /// What was ordered needs one. The live reconciler is asked to look at it; where none lives, one in this process does what
    /// any reconciler does first, and leaves. Whatever else keeps it from being read is for the command to tell.
    func repairDatabaseIfDamaged(_ output: Output) throws {
        do {
            _ = try openReader()?.revision()
            return
        } catch let error as StoreError where error.kind == .damaged {
            output.writeNote(error.message)
        }
        let live = ReconcilerConnector(workspace: self, output: output)
        if let client = try live.connect() {
            let request = ControlRequest(.examine, directory: directory, actor: actor)
            try client.send(Array(ControlCoding.line(request).dropLast()))
            _ = client.nextLine(timeout: .seconds(30))
            return
        }
        let configuration = ReconcilerConfiguration(mode: .keep, directory: nil, actor: actor)
        try InProcessReconciler(workspace: self, mode: .once).withReconciler(configuration) { reconciler in
            let log = EventLog(output)
            reconciler.log = log.record
            _ = reconciler.commitTurn()
        }
    }
}
