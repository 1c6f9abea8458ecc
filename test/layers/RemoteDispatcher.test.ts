import { laws } from "papyros/testing"
import { remoteSubject } from "../support/remote/remoteSubject.ts"

laws("RemoteDispatcher", remoteSubject(process.env.PAPYROS_CHAOS === undefined ? 0.3 : 5))
