import { laws } from "papyros/testing"
import { fiberSubject } from "../support/fiberSubject.ts"

laws("FiberDispatcher", fiberSubject(false))
laws("FiberDispatcher with codecs", fiberSubject(true))
