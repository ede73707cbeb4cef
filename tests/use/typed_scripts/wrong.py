"""A user's script with mistakes: each line that ends in a mark is to be reported."""

from sklearn.datasets import load_iris

from skoptnet import Adam, MLPClassifierX, MLPRegressorX

X, y = load_iris(return_X_y=True)

MLPClassifierX(hiden_layer_sizes=(10,))  # wrong: a parameter misspelt
MLPClassifierX(solver="nestrov")  # wrong: a solver misspelt
MLPClassifierX(lr_schedule="cosin")  # wrong: a schedule misspelt
MLPClassifierX(activation="rleu")  # wrong: an activation misspelt
MLPClassifierX(activation=["relu", "tahn"])  # wrong: one of several misspelt
MLPClassifierX(class_weight="balance")  # wrong: the only name there is misspelt
MLPClassifierX(max_iter=1.5)  # wrong: a number that is not whole
MLPClassifierX(batch_size="all")  # wrong: no such name
MLPClassifierX(scoring=3)  # wrong: no score
MLPClassifierX(return_train_score="yes")  # wrong: neither True nor False
MLPClassifierX((10,), "relu", "adam")  # wrong: by place what has to be named
MLPClassifierX(loss="huber")  # wrong: a parameter of the regressor
MLPClassifierX(lr_schedule=lambda update, epoch: 1.0)  # wrong: takes one argument
MLPRegressorX(loss="squared_eror")  # wrong: a loss misspelt
MLPRegressorX(class_weight="balanced")  # wrong: a parameter of the classifier
MLPRegressorX(solver=Adam)  # wrong: the class in place of an object
Adam(beta1=0.9)  # wrong: a hyperparameter misspelt

model = MLPClassifierX()
model.fti(X, y)  # wrong: a method misspelt
model.fit(X)  # wrong: targets left out
model.fit(X, y, X_valid=X)  # wrong: an argument misspelt
model.fit(X, y).history["loss"]  # wrong: an attribute misspelt
model.partial_fit(X, y, clases=[0, 1, 2])  # wrong: an argument misspelt
model.set_fit_request(X_valid=True)  # wrong: an argument misspelt
MLPRegressorX().predict_proba(X)  # wrong: a regressor has none
text: str = model.loss_  # wrong: a number
Adam().stpe()  # wrong: a method misspelt
